import { useSyncExternalStore } from "react";
import { call, Problem } from "./api/client";
import { BASE } from "./router";

/**
 * One thing to be saved. Its body carries a `request` name of its own, so that sending it twice is
 * saving it once; `about` names the tasks or images it is about.
 */
export type Save = {
  project: string;
  /** Below `api/projects/<project>/`. */
  path: string;
  method?: "POST" | "PUT";
  body: Record<string, unknown>;
  about: string[];
  /**
   * Saves of one thread (one image, say) follow one another: each carries as `seen` the id that the
   * one before was answered with, also where that is not known yet when it is added.
   */
  thread?: string;
};

/** A save that the server will not take, kept until somebody has looked at it. */
export type Refusal = {
  id: number;
  save: Save;
  problem: { message: string; hint: string; status: number; context: Record<string, unknown> };
};

/** What is to be sent instead of a refused save, in its place; undefined: nothing. */
type Repair = (save: Save, problem: Problem) => Save | undefined;
type Kept = Save & { id: number };
type Told =
  | { kind: "changed" }
  | { kind: "offline"; offline: boolean }
  | { kind: "answered"; save: Save; answer: unknown };

const RETRY_MS = 1500;
// Where the server itself fails, not the way to it, more tries than this change nothing.
const TRIES = 10;
const NAME = `autofocus:${BASE}`;

/** Where unsent saves lie: in order, each until it is answered. */
interface Shelf {
  /** Whether it is still there after the browser was closed. */
  lasting: boolean;
  load: () => Promise<{ waiting: Kept[]; refused: Refusal[] }>;
  first: () => Promise<Kept | undefined>;
  add: (saves: Save[]) => Promise<Kept[]>;
  /** Take a save off; those of its thread go on from what it was answered with. */
  answered: (save: Kept, seen: number | undefined) => Promise<void>;
  refused: (save: Kept, instead: Save | undefined, problem: Refusal["problem"]) => Promise<void>;
  forgive: (id: number) => Promise<void>;
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("IndexedDB gave up"));
  });
}

class DatabaseShelf implements Shelf {
  lasting = true;
  constructor(private database: IDBDatabase) {}

  static async open(): Promise<DatabaseShelf> {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => {
      for (const store of ["waiting", "refused"]) {
        opening.result.createObjectStore(store, { keyPath: "id", autoIncrement: true });
      }
    };
    return new DatabaseShelf(await done(opening));
  }

  /** On disk before it is said to be done: a browser that dies loses nothing that was shown. */
  private change(): IDBTransaction {
    return this.database.transaction(["waiting", "refused"], "readwrite", { durability: "strict" });
  }

  async load() {
    const view = this.database.transaction(["waiting", "refused"]);
    const [waiting, refused] = await Promise.all([
      done(view.objectStore("waiting").getAll() as IDBRequest<Kept[]>),
      done(view.objectStore("refused").getAll() as IDBRequest<Refusal[]>),
    ]);
    return { waiting, refused };
  }

  async first() {
    const cursor = await done(this.database.transaction("waiting").objectStore("waiting").openCursor());
    return cursor?.value as Kept | undefined;
  }

  async add(saves: Save[]) {
    const change = this.change();
    const ids = saves.map((save) => done(change.objectStore("waiting").add(save)));
    await committed(change);
    return Promise.all(saves.map(async (save, i) => ({ ...save, id: (await ids[i]) as number })));
  }

  async answered(save: Kept, seen: number | undefined) {
    const change = this.change();
    const store = change.objectStore("waiting");
    store.delete(save.id);
    if (save.thread !== undefined && seen !== undefined) {
      const walk = store.openCursor();
      walk.onsuccess = () => {
        const at = walk.result;
        if (!at) return;
        const later = at.value as Kept;
        if (later.thread === save.thread && later.project === save.project) {
          at.update({ ...later, body: { ...later.body, seen } });
        }
        at.continue();
      };
    }
    await committed(change);
  }

  async refused(save: Kept, instead: Save | undefined, problem: Refusal["problem"]) {
    const change = this.change();
    const store = change.objectStore("waiting");
    if (instead) store.put({ ...instead, id: save.id });
    else store.delete(save.id);
    change.objectStore("refused").add({ save, problem });
    await committed(change);
  }

  async forgive(id: number) {
    const change = this.change();
    change.objectStore("refused").delete(id);
    await committed(change);
  }
}

/** For a browser that lets us keep nothing: until the tab is closed, and the sign says so. */
class TabShelf implements Shelf {
  lasting = false;
  private waiting: Kept[] = [];
  private refusals: Refusal[] = [];
  private next = 1;

  load() {
    return Promise.resolve({ waiting: [...this.waiting], refused: [...this.refusals] });
  }
  first() {
    return Promise.resolve(this.waiting[0]);
  }
  add(saves: Save[]) {
    const kept = saves.map((save) => ({ ...save, id: this.next++ }));
    this.waiting.push(...kept);
    return Promise.resolve(kept);
  }
  answered(save: Kept, seen: number | undefined) {
    this.waiting = this.waiting.filter((s) => s.id !== save.id);
    if (save.thread !== undefined && seen !== undefined) {
      for (const later of this.waiting) {
        if (later.thread === save.thread && later.project === save.project) {
          later.body = { ...later.body, seen };
        }
      }
    }
    return Promise.resolve();
  }
  refused(save: Kept, instead: Save | undefined, problem: Refusal["problem"]) {
    this.waiting = instead
      ? this.waiting.map((s) => (s.id === save.id ? { ...instead, id: save.id } : s))
      : this.waiting.filter((s) => s.id !== save.id);
    this.refusals.push({ id: this.next++, save, problem });
    return Promise.resolve();
  }
  forgive(id: number) {
    this.refusals = this.refusals.filter((r) => r.id !== id);
    return Promise.resolve();
  }
}

/**
 * What was done and is not on the server yet, of all tabs, in order. It lies in IndexedDB, so that
 * neither a reload nor a dead server nor a closed browser loses it; one tab at a time sends.
 */
class Outbox {
  private shelf: Promise<Shelf>;
  private waiting: Kept[] = [];
  private arriving: Save[] = [];
  private offline = false;
  private running = false;
  private listeners = new Set<() => void>();
  private answers = new Set<(save: Save, answer: unknown) => void>();
  private latest = new Map<string, number>();
  private tabs = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(NAME);
  /** What may be sent instead of a save that was refused, by its path. */
  readonly repairs = new Map<string, Repair>();
  refusals: Refusal[] = [];
  lasting = true;
  snapshot = 0;
  /** Resolves when what was left from before is known. */
  readonly ready: Promise<void>;

  constructor() {
    this.shelf = DatabaseShelf.open().catch(() => new TabShelf());
    this.ready = this.reload().then(() => {
      void this.run();
    });
    if (this.tabs) {
      this.tabs.onmessage = (event: MessageEvent<Told>) => {
        const told = event.data;
        if (told.kind === "offline") this.offline = told.offline;
        else if (told.kind === "answered") this.hear(told.save, told.answer);
        void this.reload();
      };
    }
    window.addEventListener("beforeunload", (event) => {
      if (this.arriving.length || (!this.lasting && this.waiting.length)) event.preventDefault();
    });
  }

  /** How many saves are on their way. */
  get size(): number {
    return this.waiting.length + this.arriving.length;
  }

  get state(): "saved" | "saving" | "offline" {
    return this.size === 0 ? "saved" : this.offline ? "offline" : "saving";
  }

  /** Whether something about this task or image is on its way. */
  holds(about: string): boolean {
    return [...this.waiting, ...this.arriving].some((save) => save.about.includes(about));
  }

  /** Ids of all tasks and images that something is on its way about. */
  held(): Set<string> {
    return new Set([...this.waiting, ...this.arriving].flatMap((save) => save.about));
  }

  /** Keep saves and send them after those before; resolves when they are kept, not when sent. */
  async add(saves: Save[]): Promise<void> {
    if (!saves.length) return;
    const kept = saves.map((save) => this.caughtUp(save));
    this.arriving.push(...kept);
    this.tell();
    const shelf = await this.shelf;
    const added = await shelf.add(kept);
    this.arriving = this.arriving.filter((save) => !kept.includes(save));
    const known = new Set(this.waiting.map((save) => save.id));
    this.waiting.push(...added.filter((save) => !known.has(save.id)));
    this.tell();
    this.shout({ kind: "changed" });
    void this.run();
  }

  /** Be told of every answer, also of what another tab sent; returns how to stop. */
  onAnswer(listener: (save: Save, answer: unknown) => void): () => void {
    this.answers.add(listener);
    return () => this.answers.delete(listener);
  }

  /** A refusal was looked at. */
  async forgive(id: number): Promise<void> {
    this.refusals = this.refusals.filter((r) => r.id !== id);
    this.tell();
    await (await this.shelf).forgive(id);
    this.shout({ kind: "changed" });
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** A save of a thread goes on from the thread's last answer, where that is newer. */
  private caughtUp(save: Save): Save {
    const last = save.thread === undefined ? undefined : this.latest.get(`${save.project}/${save.thread}`);
    const seen = save.body["seen"];
    return last !== undefined && typeof seen === "number" && seen < last
      ? { ...save, body: { ...save.body, seen: last } }
      : save;
  }

  private hear(save: Save, answer: unknown): void {
    const id = (answer as { id?: unknown } | null)?.id;
    if (save.thread !== undefined && typeof id === "number") {
      this.latest.set(`${save.project}/${save.thread}`, id);
    }
    this.answers.forEach((listener) => listener(save, answer));
  }

  private async reload(): Promise<void> {
    const shelf = await this.shelf;
    const found = await shelf.load();
    this.lasting = shelf.lasting;
    this.waiting = found.waiting;
    this.refusals = found.refused;
    this.tell();
  }

  private tell(): void {
    this.snapshot += 1;
    this.listeners.forEach((listener) => listener());
  }

  private shout(told: Told): void {
    this.tabs?.postMessage(told);
  }

  private setOffline(offline: boolean): void {
    if (this.offline === offline) return;
    this.offline = offline;
    this.tell();
    this.shout({ kind: "offline", offline });
  }

  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    const shelf = await this.shelf;
    const drain = async () => {
      for (let save = await shelf.first(); save; save = await shelf.first()) await this.send(shelf, save);
    };
    try {
      // Without locks (a page that is neither https nor of this machine) two tabs may send the
      // same save; its request name makes that harmless.
      if ("locks" in navigator) await navigator.locks.request(NAME, drain);
      else await drain();
    } finally {
      this.running = false;
    }
    // What was added between the last look and here.
    if (await shelf.first()) void this.run();
  }

  private async send(shelf: Shelf, save: Kept): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await call<unknown>(
          `projects/${save.project}/${save.path}`, save.body, save.method ?? "POST",
        );
        const id = (answer as { id?: unknown } | null)?.id;
        await shelf.answered(save, typeof id === "number" ? id : undefined);
        this.waiting = this.waiting.filter((s) => s.id !== save.id);
        this.hear(save, answer);
        this.shout({ kind: "answered", save, answer });
        this.setOffline(false);
        this.tell();
        return;
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        const away = error.status === 0 || (error.status > 500 && error.status < 600);
        if (away || (error.status === 500 && tries < TRIES)) {
          this.setOffline(true);
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
          continue;
        }
        const { message, hint, status, context } = error;
        const instead = this.repairs.get(save.path)?.(save, error);
        await shelf.refused(save, instead, { message, hint, status, context });
        this.setOffline(false);
        this.shout({ kind: "changed" });
        await this.reload();
        return;
      }
    }
  }
}

export const outbox = new Outbox();

export function useOutbox(): Outbox {
  useSyncExternalStore(outbox.subscribe, () => outbox.snapshot);
  return outbox;
}

/** A name that no other save has. */
export function requestName(): string {
  return `page/${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}
