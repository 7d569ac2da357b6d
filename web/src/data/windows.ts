import { useCallback, useEffect, useRef, useState } from "react";
import { call, Problem, type FoundSamples, type Sample } from "../api/client";
import { useBeat } from "../api/live";

const CHUNK = 120;
const AT_ONCE = 2;
const KEPT = 60;

type State = {
  total: number | undefined;
  notices: string[];
  problem: Problem | undefined;
  chunks: Map<number, Sample[]>;
};

export type Windows = {
  total: number | undefined;
  notices: string[];
  problem: Problem | undefined;
  at: (index: number) => Sample | undefined;
  want: (first: number, last: number) => void;
  again: () => void;
};

/**
 * The images of a search, as many as there are: only the windows in sight are asked for. Who
 * scrolls past a window before its turn comes never loads it.
 */
export function useWindows(project: string, query: string, sort: string): Windows {
  const beat = useBeat();
  const [turn, setTurn] = useState(0);
  const name = `${project}\n${query}\n${sort}`;
  const [state, setState] = useState<State & { name: string }>({
    name, total: undefined, notices: [], problem: undefined, chunks: new Map(),
  });
  const wanted = useRef<[number, number]>([0, 0]);
  const pump = useRef(() => {});

  useEffect(() => {
    let current = true;
    let busy = 0;
    const loaded = new Set<number>();
    const asked = new Set<number>();
    const load = async (chunk: number) => {
      asked.add(chunk);
      busy += 1;
      try {
        const found = await call<FoundSamples>(
          `projects/${project}/search?${new URLSearchParams({
            q: query, sort, limit: String(CHUNK), offset: String(chunk * CHUNK),
            count: String(loaded.size === 0),
          }).toString()}`,
        );
        if (!current) return;
        const first = loaded.size === 0;
        loaded.add(chunk);
        setState((before) => {
          // What was there before stays on screen until the first new window is here.
          const fresh = before.name !== name || first;
          const chunks = new Map(fresh && before.name !== name ? [] : before.chunks);
          chunks.set(chunk, found.items);
          for (const old of chunks.keys()) {
            if (chunks.size <= KEPT) break;
            if (old !== chunk) {
              chunks.delete(old);
              loaded.delete(old);
              asked.delete(old);
            }
          }
          return {
            name,
            chunks,
            problem: undefined,
            total: found.total ?? before.total,
            notices: first ? found.notices : before.notices,
          };
        });
      } catch (error) {
        asked.delete(chunk);
        if (!current) return;
        const problem = error instanceof Problem ? error : new Problem(String(error), "", 0);
        setState((before) =>
          // Nobody answers: the page says so at the top, and what is there stays.
          problem.status === 0 && before.name === name && before.chunks.size
            ? before
            : { name, total: undefined, notices: [], problem, chunks: new Map() },
        );
        return;
      } finally {
        busy -= 1;
      }
      pump.current();
    };
    pump.current = () => {
      const [first, last] = wanted.current;
      for (let chunk = Math.floor(first / CHUNK); chunk <= Math.floor(last / CHUNK); chunk += 1) {
        // The first answer tells how many there are; the others wait for it.
        if (busy >= (loaded.size ? AT_ONCE : 1)) return;
        if (!asked.has(chunk)) void load(chunk);
      }
    };
    pump.current();
    return () => {
      current = false;
    };
  }, [name, project, query, sort, beat, turn]);

  const want = useCallback((first: number, last: number) => {
    wanted.current = [Math.max(0, first), Math.max(0, last)];
    pump.current();
  }, []);
  const again = useCallback(() => setTurn((n) => n + 1), []);
  const fresh = state.name === name;
  return {
    total: fresh ? state.total : undefined,
    notices: fresh ? state.notices : [],
    problem: fresh ? state.problem : undefined,
    at: (index) => (fresh ? state.chunks.get(Math.floor(index / CHUNK))?.[index % CHUNK] : undefined),
    want,
    again,
  };
}

/** A list that is here already, as windows. */
export function windowsOf(items: Sample[], again: () => void): Windows {
  return {
    total: items.length, notices: [], problem: undefined, at: (index) => items[index], want: () => {}, again,
  };
}

/** Images of a list of ids as windows: those in sight are asked for. */
export function useByIds(project: string, ids: number[]): Windows {
  const [chunks, setChunks] = useState<ReadonlyMap<number, Sample[]>>(new Map());
  const [problem, setProblem] = useState<Problem>();
  const asked = useRef(new Set<number>());
  const want = useCallback(
    (first: number, last: number) => {
      for (let chunk = Math.floor(Math.max(0, first) / CHUNK); chunk * CHUNK <= last; chunk += 1) {
        const part = ids.slice(chunk * CHUNK, (chunk + 1) * CHUNK);
        if (asked.current.has(chunk) || !part.length) continue;
        asked.current.add(chunk);
        call<Sample[]>(`projects/${project}/samples/by-id`, { ids: part }).then(
          (found) => setChunks((before) => new Map(before).set(chunk, found)),
          (error: unknown) => {
            asked.current.delete(chunk);
            setProblem(error instanceof Problem ? error : new Problem(String(error), "", 0));
          },
        );
      }
    },
    [project, ids],
  );
  const again = useCallback(() => {
    setProblem(undefined);
    want(0, CHUNK - 1);
  }, [want]);
  return {
    total: ids.length,
    notices: [],
    problem,
    at: (index) => chunks.get(Math.floor(index / CHUNK))?.[index % CHUNK],
    want,
    again,
  };
}
