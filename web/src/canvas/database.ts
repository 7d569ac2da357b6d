/** What this browser keeps of the labelling: drafts with their history, and what is not sent yet. */

export type Draft = {
  /** The image and the tab, see `draftId`. */
  id: string;
  doc: string;
  tab: string;
  at: number;
  /** The label and the steps as text: thousands of points are copied as one. */
  label: string;
  past: string[];
  future: string[];
  /** The id of the annotation that the label rests on, 0 for none. */
  seen: number;
};

export type Trouble = {
  status: number;
  message: string;
  hint: string;
  /** Of a conflict: the annotation in force, null if it was taken away. */
  theirs?: unknown;
};

export type Entry = {
  n?: number;
  doc: string;
  tab: string;
  project: string;
  key: string;
  author: string;
  label: string;
  request: string;
  /** What was seen when it was made, or the request of the entry before it, whose id it will be. */
  seen: number;
  after: string | null;
  /** From then on it stays as it is: it may have arrived. */
  sent: boolean;
  seconds: number;
  trouble?: Trouble;
};

export function docId(project: string, key: string): string {
  return `${project}\n${key}`;
}

export function draftId(doc: string, tab: string): string {
  return `${doc}\n${tab}`;
}

let opened: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open("autofocus.canvas", 1);
    asked.onupgradeneeded = () => {
      const drafts = asked.result.createObjectStore("drafts", { keyPath: "id" });
      drafts.createIndex("doc", "doc");
      const outbox = asked.result.createObjectStore("outbox", { keyPath: "n", autoIncrement: true });
      outbox.createIndex("doc", "doc");
    };
    asked.onsuccess = () => {
      // A newer page in another tab must be able to change the tables.
      asked.result.onversionchange = () => asked.result.close();
      resolve(asked.result);
    };
    asked.onerror = () => reject(asked.error ?? new Error("This browser keeps no data."));
    asked.onblocked = () => reject(new Error("Another tab holds an older page open: close it."));
  });
  return opened;
}

export type Tables = { drafts: IDBObjectStore; outbox: IDBObjectStore };

export function got<T>(asked: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error("The browser's store failed."));
  });
}

/** Work in one transaction: all of it is kept or nothing, and nothing comes in between. */
export async function transact<T>(mode: IDBTransactionMode, work: (tables: Tables) => Promise<T>): Promise<T> {
  const database = await open();
  const transaction = database.transaction(["drafts", "outbox"], mode);
  const finished = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = transaction.onerror = () =>
      reject(transaction.error ?? new Error("The browser could not keep the change."));
  });
  // Looked at below; until then its failure is not an unhandled one.
  finished.catch(() => undefined);
  try {
    const result = await work({
      drafts: transaction.objectStore("drafts"),
      outbox: transaction.objectStore("outbox"),
    });
    await finished;
    return result;
  } catch (error) {
    if (transaction.error === null) {
      try {
        transaction.abort();
      } catch (late) {
        if (!(late instanceof DOMException)) throw late; // it had ended by itself
      }
    }
    throw error;
  }
}

export const entriesOf = (tables: Tables, doc: string): Promise<Entry[]> =>
  got(tables.outbox.index("doc").getAll(doc) as IDBRequest<Entry[]>);
export const allEntries = (tables: Tables): Promise<Entry[]> =>
  got(tables.outbox.getAll() as IDBRequest<Entry[]>);
export const draftsOf = (tables: Tables, doc: string): Promise<Draft[]> =>
  got(tables.drafts.index("doc").getAll(doc) as IDBRequest<Draft[]>);
export const draft = (tables: Tables, id: string): Promise<Draft | undefined> =>
  got(tables.drafts.get(id) as IDBRequest<Draft | undefined>);
