import { useCallback, useRef, useState } from "react";
import { call, Problem, url, type UploadStatus } from "../api/client";

/** A file with the path that it had below what was dropped. */
export type Brought = { path: string; file: File };
export type Refused = { path: string; reason: string };

export type Bringing = {
  stage: "idle" | "sending" | "broken" | "importing" | "done" | "failed";
  sent: number;
  files: number;
  sentBytes: number;
  bytes: number;
  done: number;
  total: number;
  refused: Refused[];
  reports: UploadStatus[];
  problem: Problem | undefined;
};

const NOTHING: Bringing = {
  stage: "idle", sent: 0, files: 0, sentBytes: 0, bytes: 0, done: 0, total: 0, refused: [], reports: [],
  problem: undefined,
};
const AT_ONCE = 4;
const TRIES = 3;

/** Everything below what was dropped: folders are read to their ends. */
export async function dropped(transfer: DataTransfer): Promise<Brought[]> {
  // The entries must be taken at once: the list is empty after the event.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((e) => e !== null);
  if (!entries.length) return chosen(transfer.files);
  const found: Brought[] = [];
  const walk = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed));
      found.push({ path: entry.fullPath.replace(/^\/+/, ""), file });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      // A reader gives at most a hundred entries at a time.
      const part = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
      if (!part.length) return;
      for (const child of part) await walk(child);
    }
  };
  for (const entry of entries) await walk(entry);
  return found;
}

export function chosen(files: FileList): Brought[] {
  return [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

const isArchive = (path: string) => path.toLowerCase().endsWith(".zip");
const isHidden = (path: string) => path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");

async function put(project: string, upload: string, { path, file }: Brought): Promise<void> {
  for (let turn = 1; ; turn += 1) {
    let answer: Response;
    try {
      answer = await fetch(
        url(`projects/${project}/uploads/${upload}/files?${new URLSearchParams({ path }).toString()}`),
        { method: "PUT", body: file },
      );
    } catch {
      if (turn < TRIES) {
        await new Promise((resolve) => setTimeout(resolve, 500 * turn));
        continue;
      }
      throw new Problem("The connection broke.", "What has arrived is kept: go on when it is back.", 0);
    }
    if (answer.ok) return;
    const told = (await answer.json().catch(() => null)) as { error?: { message: string; hint?: string } } | null;
    throw new Problem(told?.error?.message ?? `The answer was ${answer.status}.`, told?.error?.hint ?? "", answer.status);
  }
}

/** Sends files and imports them; what broke off goes on where it stopped. */
export function useBringing(project: string) {
  const [state, setState] = useState<Bringing>(NOTHING);
  // Archives are imports of their own; all other files are one.
  const jobs = useRef<{ files: Brought[]; name: string; upload?: string; sent: Set<string> }[]>([]);
  const options = useRef<{ split: string | null }>({ split: null });
  const busy = useRef(false);

  const work = useCallback(async () => {
    if (busy.current) return;
    busy.current = true;
    const patch = (change: Partial<Bringing> | ((s: Bringing) => Partial<Bringing>)) =>
      setState((s) => ({ ...s, ...(typeof change === "function" ? change(s) : change) }));
    patch({ problem: undefined });
    try {
      while (jobs.current.length) {
        const job = jobs.current[0]!;
        patch({ stage: "sending" });
        let limit = Infinity;
        if (!job.upload) {
          const begun = await call<UploadStatus>(`projects/${project}/uploads`, {});
          job.upload = begun.id;
          limit = begun.file_limit;
        }
        const upload = job.upload;
        const waiting = job.files.filter(({ path }) => !job.sent.has(path));
        const sender = async () => {
          for (let next = waiting.shift(); next; next = waiting.shift()) {
            const { path, file } = next;
            try {
              if (file.size > limit && !isArchive(path)) {
                throw new Problem(`Larger than ${Math.round(limit / 1e6)} MB.`, "", 422);
              }
              await put(project, upload, next);
            } catch (error) {
              // A file that is refused is reported; a connection that is gone stops the sending.
              if (!(error instanceof Problem) || error.status !== 422) throw error;
              patch((s) => ({ refused: [...s.refused, { path, reason: error.message }] }));
            }
            job.sent.add(path);
            patch((s) => ({ sent: s.sent + 1, sentBytes: s.sentBytes + file.size }));
          }
        };
        await Promise.all(Array.from({ length: AT_ONCE }, sender));
        let status = await call<UploadStatus>(`projects/${project}/uploads/${upload}`);
        if (status.files > 0) {
          patch({ stage: "importing", done: 0, total: 0 });
          status = await call<UploadStatus>(`projects/${project}/uploads/${upload}/import`, {
            ...options.current, name: job.name,
          });
          while (status.state === "importing") {
            patch({ done: status.done ?? 0, total: status.total ?? 0 });
            await new Promise((resolve) => setTimeout(resolve, 300));
            status = await call<UploadStatus>(`projects/${project}/uploads/${upload}`);
          }
          if (status.state === "failed") {
            patch({ stage: "failed", problem: new Problem(status.error ?? "", status.hint ?? "", 422) });
            return;
          }
        }
        const finished = status;
        jobs.current.shift();
        patch((s) => ({ reports: [...s.reports, finished] }));
      }
      patch({ stage: "done" });
    } catch (error) {
      patch({
        stage: "broken",
        problem: error instanceof Problem ? error : new Problem(String(error), "", 0),
      });
    } finally {
      busy.current = false;
    }
  }, [project]);

  const bring = useCallback(
    (all: Brought[], split: string | null) => {
      const brought = all.filter(({ path }) => !isHidden(path));
      if (!brought.length || busy.current) return;
      const rest = brought.filter(({ path }) => !isArchive(path));
      const top = rest[0]?.path.split("/")[0] ?? "";
      const name = rest.every(({ path }) => path.startsWith(`${top}/`)) ? top : `${rest.length} files`;
      jobs.current = brought
        .filter(({ path }) => isArchive(path))
        .map((archive) => ({ files: [archive], name: archive.path, sent: new Set<string>() }));
      if (rest.length) jobs.current.push({ files: rest, name, sent: new Set<string>() });
      options.current = { split };
      setState({
        ...NOTHING,
        stage: "sending",
        files: brought.length,
        bytes: brought.reduce((sum, { file }) => sum + file.size, 0),
      });
      void work();
    },
    [work],
  );

  const discard = useCallback(() => {
    for (const { upload } of jobs.current) {
      if (upload) void fetch(url(`projects/${project}/uploads/${upload}`), { method: "DELETE" });
    }
    jobs.current = [];
    setState(NOTHING);
  }, [project]);

  return { state, bring, again: () => void work(), discard };
}
