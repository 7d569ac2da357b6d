/**
 * Who this tab is, also after a reload, and which others live. A tab that was copied by the browser
 * takes its name along: the lock that each holds on its own tells them apart.
 */

const STORED = "autofocus.canvas.tab";
const PREFIX = "autofocus.canvas.tab.";

function fresh(): string {
  const name = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
  sessionStorage.setItem(STORED, name);
  return name;
}

function hold(name: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(PREFIX + name, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        // Held for as long as the page lives.
        return lock === null ? undefined : new Promise<never>(() => undefined);
      })
      .catch(reject);
  });
}

let asked: Promise<string> | undefined;

async function find(): Promise<string> {
  const known = sessionStorage.getItem(STORED) ?? fresh();
  // Locks exist where the page came over https or from this machine; without them no tab is
  // known to live, and nothing is taken over from one.
  if (!("locks" in navigator)) return known;
  for (let tries = 0; tries < 8; tries += 1) {
    if (await hold(known)) return known;
    // The page before a reload may not have gone yet.
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  const other = fresh();
  await hold(other);
  return other;
}

export function tabName(): Promise<string> {
  asked ??= find();
  return asked;
}

/** Whether a tab of that name is open somewhere; those that cannot be told count as open. */
export async function livingTabs(): Promise<(name: string) => boolean> {
  if (!("locks" in navigator)) return () => true;
  const held = (await navigator.locks.query()).held ?? [];
  const names = new Set(held.map((lock) => lock.name));
  return (name) => names.has(PREFIX + name);
}

/** One tab at a time; where there are no locks, all at once, which request names make harmless. */
export function oneAtATime<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (!("locks" in navigator)) return work();
  return navigator.locks.request(name, work) as Promise<T>;
}
