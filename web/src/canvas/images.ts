import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { call, Problem, type FoundSamples, type LabelQueue, type Sample } from "../api/client";
import { useBeat } from "../api/live";
import type { Item } from "./opening";

const PAGE = 200;
const SHARE = 100;
const LEASE_SECONDS = 600;
const RENEW_MS = 240_000;

/** Which images are gone through: those that want a label, or all. */
export type Which = "todo" | "all";

/** The annotator's share of what is asked: nobody else is given these images while they are held. */
async function asked(project: string, annotator: string): Promise<Item[]> {
  const share = await call<LabelQueue>(`projects/${project}/labels/lease`, {
    annotator, limit: SHARE, lease_seconds: LEASE_SECONDS,
  });
  const items = new Map<string, Item>();
  for (const { key, sha256, id } of share.items) {
    if (!items.has(key)) items.set(key, { key, sha256, labelled: false, asked: true, task: id });
  }
  return [...items.values()];
}

function itemOf(sample: Sample): Item {
  const { key, sha256, facts, label } = sample;
  return { key, sha256, width: facts.width, height: facts.height, labelled: !!label, asked: false };
}

export type Images = {
  items: Item[] | undefined;
  /** How many there are by now, also those that are not listed yet. */
  total: number;
  problem: Problem | undefined;
  /** Lists more, if there are more. */
  more: () => void;
  done: (key: string) => void;
  again: () => void;
};

/** The images to go through, in the order in which labels help most; they keep their places. */
export function useImages(project: string, which: Which, annotator: string): Images {
  const [items, setItems] = useState<Item[]>();
  const [problem, setProblem] = useState<Problem>();
  const [total, setTotal] = useState(0);
  const [turn, setTurn] = useState(0);
  const cursor = useRef<string | null>(null);
  const loading = useRef(false);
  const beat = useBeat();
  const query = which === "todo" ? "is:unlabelled" : "";

  const fail = useCallback((error: unknown) => {
    if (error instanceof Problem) setProblem(error);
  }, []);
  const page = useCallback(
    (from: string | null) =>
      call<FoundSamples>(
        `projects/${project}/search?${new URLSearchParams({
          q: query, limit: String(PAGE), ...(from ? { cursor: from } : {}),
        }).toString()}`,
      ),
    [project, query],
  );

  useEffect(() => {
    let current = true;
    setItems(undefined);
    loading.current = true;
    Promise.all([which === "todo" ? asked(project, annotator) : [], page(null)]).then(
      ([first, found]) => {
        if (!current) return;
        const known = new Set(first.map((i) => i.key));
        const rest = found.items.map(itemOf).filter((i) => !known.has(i.key));
        setItems([...first, ...rest]);
        setTotal(first.length + (found.total ?? rest.length) - (found.items.length - rest.length));
        setProblem(undefined);
        cursor.current = found.next_cursor;
        loading.current = false;
      },
      (error: unknown) => current && fail(error),
    );
    return () => {
      current = false;
    };
  }, [project, which, annotator, page, turn, fail]);

  // Who leaves gives the share back at once; who stays keeps it.
  const [minute, setMinute] = useState(0);
  const renewed = useRef(0);
  const open = useRef(0);
  open.current = items?.filter((i) => i.asked && !i.labelled).length ?? 0;
  useEffect(() => {
    if (which !== "todo") return;
    const ticking = setInterval(() => setMinute((n) => n + 1), RENEW_MS);
    return () => {
      clearInterval(ticking);
      call(`projects/${project}/labels/release`, { annotator }).catch(() => undefined); // it expires
    };
  }, [project, which, annotator]);

  // Somebody asks for more labels: those images come to the end, nothing moves under the pointer.
  useEffect(() => {
    if (!(beat || minute) || which !== "todo") return;
    // While there is enough to do, not at every event: a share is written down.
    if (open.current >= SHARE / 2 && minute === renewed.current) return;
    renewed.current = minute;
    let current = true;
    asked(project, annotator).then((now) => {
      if (!current) return;
      setItems((before) => {
        if (!before) return before;
        const known = new Set(before.map((i) => i.key));
        const added = now.filter((i) => !known.has(i.key));
        return added.length ? [...before, ...added] : before;
      });
    }, fail);
    return () => {
      current = false;
    };
  }, [beat, minute, project, which, annotator, fail]);

  const more = useCallback(() => {
    const from = cursor.current;
    if (loading.current || from === null) return;
    loading.current = true;
    page(from).then((found) => {
      cursor.current = found.next_cursor;
      loading.current = false;
      setItems((before = []) => {
        const known = new Set(before.map((i) => i.key));
        return [...before, ...found.items.map(itemOf).filter((i) => !known.has(i.key))];
      });
    }, fail);
  }, [page, fail]);

  const done = useCallback((key: string) => {
    setItems((before) => {
      const place = before?.findIndex((i) => i.key === key) ?? -1;
      if (!before || place < 0 || before[place]!.labelled) return before;
      return before.with(place, { ...before[place]!, labelled: true });
    });
  }, []);

  return useMemo(
    () => ({ items, total: Math.max(total, items?.length ?? 0), problem, more, done, again: () => setTurn((n) => n + 1) }),
    [items, total, problem, more, done],
  );
}
