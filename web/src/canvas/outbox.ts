/**
 * What was drawn and is not on the server yet. It survives a reload, a closed tab and a dead server
 * in IndexedDB, and goes out in order. Each entry is a whole label with a request name of its own,
 * so that sending it twice is saving it once, and with what was seen, so that nothing that somebody
 * else saved in between is lost: then it waits for a person to choose.
 */

import { useSyncExternalStore } from "react";
import { ask, Problem, type Annotation } from "../api/client";
import {
  allEntries, docId, draft, draftId, draftsOf, entriesOf, got, transact, type Draft, type Entry, type Tables,
} from "./database";
import { stepTexts, type History, type Step } from "./history";
import { asLabel, labelText, type Label } from "./shapes";
import { livingTabs, oneAtATime, tabName } from "./tab";

const AGAIN_MS = 1500;
const LOCK = "autofocus.canvas.outbox";

export type Waiting = { doc: string; key: string; project: string; trouble: Entry["trouble"]; mine: boolean };
export type Saved = { doc: string; id: number; tab: string };

export function annotationPath(project: string, key: string): string {
  return `projects/${project}/annotations/${key.split("/").map(encodeURIComponent).join("/")}`;
}

function requestName(): string {
  return `canvas/${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}

class Outbox {
  private listeners = new Set<() => void>();
  private savedListeners = new Set<(saved: Saved) => void>();
  private channel = "BroadcastChannel" in window ? new BroadcastChannel("autofocus.canvas") : undefined;
  private running = false;
  private tab = "";
  private started: Promise<void> | undefined;
  /** Everything that waits, of this tab and of others. */
  waiting: readonly Waiting[] = [];
  offline = false;
  /** Changes on their way into the browser's store. */
  keeping = 0;
  snapshot = 0;

  constructor() {
    this.channel?.addEventListener("message", (event: MessageEvent<Saved | "changed">) => {
      if (event.data !== "changed") this.heard(event.data);
      void this.look();
    });
    window.addEventListener("online", () => void this.drain());
  }

  /** Takes over what tabs that are gone left behind, and begins to send. */
  start(): Promise<void> {
    this.started ??= (async () => {
      this.tab = await tabName();
      const lives = await livingTabs();
      await transact("readwrite", async (tables) => {
        for (const entry of await allEntries(tables)) {
          if (entry.tab === this.tab || lives(entry.tab)) continue;
          await got(tables.outbox.put({ ...entry, tab: this.tab }));
        }
      });
      await this.look();
      void this.drain();
    })();
    return this.started;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  onSaved(listener: (saved: Saved) => void): () => void {
    this.savedListeners.add(listener);
    return () => this.savedListeners.delete(listener);
  }

  /** What this browser knows of an image: its draft, and whether some of it was not sent. */
  async draftOf(project: string, key: string): Promise<{ draft: Draft | undefined; pending: boolean }> {
    await this.start();
    const doc = docId(project, key);
    const lives = await livingTabs();
    return transact("readonly", async (tables) => {
      const entries = await entriesOf(tables, doc);
      const found = (await draftsOf(tables, doc))
        .filter((d) => d.tab === this.tab || !lives(d.tab))
        // What waits came from the newest draft; else this tab's own is nearest.
        .sort((a, b) => b.at - a.at);
      return { draft: found[0], pending: entries.some((e) => e.tab === this.tab) };
    });
  }

  /** Keeps a label with its history, and puts it on its way, in one transaction. */
  async save(
    where: { project: string; key: string; author: string; seconds: number; seen: number },
    label: Label,
    history: History,
  ): Promise<void> {
    this.keeping += 1;
    this.tell();
    try {
      await this.start();
      await this.put(where, label, history);
      await this.changed();
    } finally {
      this.keeping -= 1;
      this.tell();
    }
    void this.drain();
  }

  private async put(
    where: { project: string; key: string; author: string; seconds: number; seen: number },
    label: Label,
    history: History,
  ): Promise<void> {
    const doc = docId(where.project, where.key);
    const text = labelText(label);
    await transact("readwrite", async (tables) => {
      const own = (await entriesOf(tables, doc)).filter((e) => e.tab === this.tab);
      const last = own.at(-1);
      const seen = await this.keep(tables, doc, where.seen, text, history);
      const stuck = own.findIndex((e) => e.trouble);
      const open = stuck >= 0 ? own[stuck] : last && !last.sent ? last : undefined;
      if (open) {
        const { trouble, ...rest } = open;
        const newest = { label: text, author: where.author, seconds: open.seconds + where.seconds };
        // A conflict goes on until a person chose. What was refused for what it says is another
        // label now, and goes out again.
        const how =
          trouble?.status === 409 ? { trouble } : trouble ? { sent: false, request: requestName() } : {};
        await got(tables.outbox.put({ ...rest, ...newest, ...how }));
        for (const behind of stuck >= 0 ? own.slice(stuck + 1) : []) {
          await got(tables.outbox.delete(behind.n!));
        }
        return;
      }
      const entry: Entry = {
        doc,
        tab: this.tab,
        project: where.project,
        key: where.key,
        author: where.author,
        label: text,
        request: requestName(),
        seen,
        after: last?.request ?? null,
        sent: false,
        seconds: where.seconds,
      };
      await got(tables.outbox.add(entry));
    });
  }

  /** Keeps the draft alone: the label is as it is on the server. */
  async keepDraft(project: string, key: string, seen: number, label: Label, history: History): Promise<void> {
    await this.start();
    const doc = docId(project, key);
    await transact("readwrite", async (tables) => {
      await got(tables.drafts.delete(draftId(doc, this.tab)));
      await this.keep(tables, doc, seen, labelText(label), history);
    });
  }

  private async keep(tables: Tables, doc: string, seen: number, label: string, history: History): Promise<number> {
    const id = draftId(doc, this.tab);
    // What was saved since is known here first: the page may not have heard of it yet.
    const before = await draft(tables, id);
    const now = Math.max(seen, before?.seen ?? 0);
    const kept: Draft = {
      id,
      doc,
      tab: this.tab,
      at: Date.now(),
      label,
      past: stepTexts(history.past),
      future: stepTexts(history.future),
      seen: now,
    };
    await got(tables.drafts.put(kept));
    return now;
  }

  /** Ends a conflict: what is to be saved now rests on what the other one saved. */
  async settle(project: string, key: string, seen: number, send: Label | undefined): Promise<void> {
    const doc = docId(project, key);
    await transact("readwrite", async (tables) => {
      const own = (await entriesOf(tables, doc)).filter((e) => e.tab === this.tab);
      const [first, ...rest] = own;
      for (const entry of send ? rest : own) await got(tables.outbox.delete(entry.n!));
      const kept = await draft(tables, draftId(doc, this.tab));
      if (kept) await got(tables.drafts.put({ ...kept, seen }));
      if (!send || !first) return;
      const { trouble: _, ...plain } = first;
      await got(
        tables.outbox.put({
          ...plain, label: labelText(send), seen, after: null, sent: false, request: requestName(),
        }),
      );
    });
    await this.changed();
    void this.drain();
  }

  // -- sending --------------------------------------------------------------------------

  private async drain(): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      for (;;) {
        const how = await oneAtATime(LOCK, () => this.sendOne());
        if (how === "nothing") break;
        // The lock is free while waiting, so that a tab in sight does not wait for one that sleeps.
        if (how === "offline") await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    } finally {
      this.running = false;
    }
  }

  private async sendOne(): Promise<"sent" | "offline" | "nothing"> {
    const entry = await transact("readwrite", async (tables) => {
      const stuck = new Set<string>();
      for (const found of await allEntries(tables)) {
        const own = `${found.doc}\n${found.tab}`;
        if (found.trouble) stuck.add(own);
        if (stuck.has(own)) continue;
        if (!found.sent) await got(tables.outbox.put({ ...found, sent: true }));
        return found;
      }
      return undefined;
    });
    if (!entry) {
      this.setOffline(false);
      return "nothing";
    }
    const { author, seen, request, seconds } = entry;
    const rest = JSON.stringify({ author, seen, request, seconds: Math.min(seconds, 3600) });
    let saved: Annotation;
    try {
      const answer = await ask(annotationPath(entry.project, entry.key), {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: `{"label":${entry.label},${rest.slice(1)}`,
      });
      saved = (await answer.json()) as Annotation;
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(String(error), "", 0);
      if (problem.status === 0 || problem.status >= 500 || problem.status === 429) {
        this.setOffline(true);
        return "offline";
      }
      const conflict = problem.status === 409 && "annotation" in problem.context;
      await this.inTrouble(entry, {
        status: problem.status,
        message: problem.message,
        hint: problem.hint,
        ...(conflict && { theirs: problem.context["annotation"] }),
      });
      return "sent";
    }
    this.setOffline(false);
    await this.arrived(entry, saved.id);
    return "sent";
  }

  private async arrived(entry: Entry, id: number): Promise<void> {
    await transact("readwrite", async (tables) => {
      await got(tables.outbox.delete(entry.n!));
      for (const next of await entriesOf(tables, entry.doc)) {
        if (next.after === entry.request) await got(tables.outbox.put({ ...next, seen: id, after: null }));
      }
      const kept = await draft(tables, draftId(entry.doc, entry.tab));
      if (kept) await got(tables.drafts.put({ ...kept, seen: id }));
    });
    const saved = { doc: entry.doc, id, tab: entry.tab };
    this.channel?.postMessage(saved);
    this.heard(saved);
    await this.look();
  }

  private async inTrouble(entry: Entry, trouble: Entry["trouble"]): Promise<void> {
    await transact("readwrite", async (tables) => {
      await got(tables.outbox.put({ ...entry, sent: true, ...(trouble && { trouble }) }));
    });
    await this.changed();
  }

  // -- telling --------------------------------------------------------------------------

  private heard(saved: Saved): void {
    this.savedListeners.forEach((listener) => listener(saved));
  }

  private setOffline(now: boolean): void {
    if (this.offline === now) return;
    this.offline = now;
    this.tell();
  }

  private async changed(): Promise<void> {
    this.channel?.postMessage("changed");
    await this.look();
  }

  private async look(): Promise<void> {
    const entries = await transact("readonly", allEntries);
    this.waiting = entries.map(({ doc, key, project, trouble, tab }) => ({
      doc, key, project, trouble, mine: tab === this.tab,
    }));
    this.tell();
  }

  private tell(): void {
    this.snapshot += 1;
    this.listeners.forEach((listener) => listener());
  }

  isMine(tab: string): boolean {
    return tab === this.tab;
  }
}

export const outbox = new Outbox();

export function useOutbox(): Outbox {
  useSyncExternalStore(outbox.subscribe, () => outbox.snapshot);
  return outbox;
}

export function fromDraft(kept: Draft): { label: Label; history: History; seen: number } {
  const steps = (texts: string[]) => texts.map((text) => JSON.parse(text) as Step);
  return {
    label: asLabel(JSON.parse(kept.label)),
    history: { past: steps(kept.past), future: steps(kept.future) },
    seen: kept.seen,
  };
}
