/** Getting an image with its label, from the server or from what this browser kept. */

import { ask, call, Problem, url, type Annotation, type Sample } from "../api/client";
import type { Image, Loaded, Suggestion } from "./editor";
import { NO_HISTORY } from "./history";
import { annotationPath, fromDraft, outbox } from "./outbox";
import { asLabel, EMPTY, sameLabel, type Label, type Shape } from "./shapes";

export type Item = { key: string; sha256: string; width?: number; height?: number; labelled: boolean; asked: boolean; task?: string };
export type Opened = { image: Image; loaded: Loaded; picture: ImageBitmap };

const SIZE = 2048;
const KEPT = 6;
const pictures = new Map<string, Promise<ImageBitmap>>();
const facts = new Map<string, { width: number; height: number }>();

export function pictureUrl(project: string, sha256: string, size: number): string {
  return url(`projects/${project}/images/${sha256}?size=${size}`);
}

async function fetched(path: string): Promise<ImageBitmap> {
  const answer = await ask(path);
  return createImageBitmap(await answer.blob());
}

/** The picture, also ahead of time; the last ones are kept. */
export function pictureOf(project: string, sha256: string): Promise<ImageBitmap> {
  const name = `${project}/${sha256}`;
  let found = pictures.get(name);
  if (!found) {
    found = fetched(`projects/${project}/images/${sha256}?size=${SIZE}`);
    found.catch(() => pictures.delete(name));
  }
  pictures.delete(name);
  pictures.set(name, found);
  for (const old of [...pictures.keys()].slice(0, -KEPT)) pictures.delete(old);
  return found;
}

/** The picture in its full size, as the browser reads the original file. */
export function originalOf(image: Image): Promise<ImageBitmap> {
  return fetched(`projects/${image.project}/images/${image.sha256}`);
}

async function factsOf(project: string, item: Item): Promise<{ width: number; height: number }> {
  if (item.width && item.height) return { width: item.width, height: item.height };
  const known = facts.get(item.sha256);
  if (known) return known;
  const sample = await call<Sample>(`projects/${project}/sample?${new URLSearchParams({ key: item.key }).toString()}`);
  const { width, height } = sample.facts;
  facts.set(item.sha256, { width, height });
  return { width, height };
}

export type InForce = { label: Label; id: number; author: string; created_at: string };

/** The label in force; undefined where the server still has the one that was `seen`. */
export async function inForce(project: string, key: string, seen?: number): Promise<InForce | undefined> {
  const headers: HeadersInit = seen === undefined ? {} : { "if-none-match": `"${seen}"` };
  const answer = await ask(annotationPath(project, key), { headers, cache: "no-store" });
  if (answer.status === 304) return undefined;
  const found = (await answer.json()) as Annotation | null;
  if (!found) return { label: EMPTY, id: 0, author: "", created_at: "" };
  return { label: asLabel(found.label), id: found.id, author: found.author, created_at: found.created_at };
}

/**
 * The image with its label. What was not sent yet comes first; else the server's, with the steps
 * that led to it if they were made here; without a server the draft alone.
 */
export async function open(project: string, item: Item): Promise<Opened> {
  const picture = pictureOf(project, item.sha256);
  picture.catch(() => undefined);
  const [size, loaded] = await Promise.all([factsOf(project, item), load(project, item)]);
  const image: Image = { project, key: item.key, sha256: item.sha256, ...size };
  return { image, loaded, picture: await picture };
}

async function load(project: string, item: Item): Promise<Loaded> {
  const { draft, pending } = await outbox.draftOf(project, item.key);
  const kept = draft && fromDraft(draft);
  if (kept && pending) return { ...kept, labelled: true };
  let found: InForce | undefined;
  try {
    found = await inForce(project, item.key);
  } catch (error) {
    if (kept && error instanceof Problem && error.status === 0) return { ...kept, labelled: true };
    throw error;
  }
  const { label, id } = found!;
  if (kept && id > 0 && sameLabel(kept.label, label)) {
    if (!outbox.isMine(draft.tab)) await outbox.keepDraft(project, item.key, id, kept.label, kept.history);
    return { ...kept, seen: id, labelled: true };
  }
  return { label, history: NO_HISTORY, seen: id, labelled: id > 0 };
}

export type Suggestions = { model: string; reason: string; shapes: { shape: Shape; score: number }[] };

export async function suggestionsFor(image: Image): Promise<{ found: Suggestion[]; reason: string; model: string }> {
  const path = annotationPath(image.project, image.key).replace("/annotations/", "/suggestions/");
  const told = await call<Suggestions>(path);
  return {
    found: told.shapes.map(({ shape, score }) => ({ shape: asLabel({ shapes: [shape] }).shapes[0]!, score })),
    reason: told.reason,
    model: told.model,
  };
}
