import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { call, url, Problem, type EventKind, type StoredEvent } from "./client";

// A record over all kinds, so that a new kind of event is a type error here until it is listed.
const KINDS: Record<EventKind, true> = {
  "project.created": true,
  "policy.changed": true,
  "data.imported": true,
  "data.committed": true,
  "data.deleted": true,
  "labels.requested": true,
  "labels.answered": true,
  "labels.suggested": true,
  "assistant.trained": true,
  "run.started": true,
  "run.finished": true,
  "run.failed": true,
  "model.registered": true,
  "model.tested": true,
  "alias.moved": true,
  "deployment.changed": true,
  "monitor.reference_taken": true,
  "monitor.signal": true,
  "case.opened": true,
  "case.stage": true,
  "case.waiting": true,
  "case.decided": true,
  "case.closed": true,
  "loop.paused": true,
  "loop.resumed": true,
  "loop.frozen": true,
  "approval.given": true,
  "approval.refused": true,
};

const GATHER_MS = 250;

let beat = 0;
let online = true;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setTimeout> | undefined;

function tell(): void {
  listeners.forEach((listener) => listener());
}

/** Ask everything on screen again, soon; many events in a row are one refresh. */
export function refreshSoon(): void {
  clearTimeout(timer);
  timer = setTimeout(() => {
    beat += 1;
    tell();
  }, GATHER_MS);
}

function setOnline(now: boolean): void {
  if (online === now) return;
  online = now;
  if (now) refreshSoon();
  tell();
}

/** Follow the server's events from now on; the browser reconnects by itself. */
export async function follow(): Promise<void> {
  let after = 0;
  for (;;) {
    try {
      const newest = await call<StoredEvent[]>("events/latest?limit=1");
      after = newest[0]?.id ?? 0;
      break;
    } catch {
      setOnline(false);
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
  const source = new EventSource(url(`events/stream?after=${after}`));
  source.onopen = () => setOnline(true);
  source.onerror = () => setOnline(false);
  for (const kind of Object.keys(KINDS)) source.addEventListener(kind, refreshSoon);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useOnline(): boolean {
  return useSyncExternalStore(subscribe, () => online);
}

export function useBeat(): number {
  return useSyncExternalStore(subscribe, () => beat);
}

export type Asked<T> = { data: T | undefined; problem: Problem | undefined; again: () => void };

const seen = new Map<string, unknown>();

/**
 * What a path of the API answers, asked again at every event and every `everySeconds` (for what
 * moves without events, such as traffic). The answer before is shown until the next one is here.
 */
export function useApi<T>(path: string | null, everySeconds = 0): Asked<T> {
  const beatNow = useBeat();
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState<{ path: string | null; data?: T; problem?: Problem }>({ path });
  const again = useCallback(() => setTurn((n) => n + 1), []);

  useEffect(() => {
    if (path === null) return;
    let current = true;
    call<T>(path).then(
      (data) => {
        seen.set(path, data);
        if (current) setState({ path, data });
      },
      (error: unknown) => {
        if (!current) return;
        const problem =
          error instanceof Problem ? error : new Problem(String(error), "", 0);
        // Old numbers stay on screen while the server is away; the sign at the top says so.
        setState((before) =>
          problem.status === 0 && before.path === path && before.data !== undefined
            ? before
            : { path, problem },
        );
      },
    );
    return () => {
      current = false;
    };
  }, [path, beatNow, turn]);

  useEffect(() => {
    if (!everySeconds) return;
    const ticking = setInterval(() => {
      if (!document.hidden) again();
    }, everySeconds * 1000);
    return () => clearInterval(ticking);
  }, [everySeconds, again]);

  const fresh = state.path === path;
  const data = fresh && state.data !== undefined ? state.data : undefined;
  return {
    data: data ?? (path !== null && !(fresh && state.problem) ? (seen.get(path) as T) : undefined),
    problem: fresh ? state.problem : undefined,
    again,
  };
}
