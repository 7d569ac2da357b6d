import type {
  AssistantStatus, Case, Deployment, HarmHistory, Label, LoopStatus, MonitorStatus, Overview, Stage,
} from "./api/client";
import { readable } from "./charts/numbers";

export function percent(value: number | null | undefined, digits = 1): string {
  return value === null || value === undefined ? "unknown" : `${(100 * value).toFixed(digits)} %`;
}

export function count(value: number): string {
  return value.toLocaleString("en");
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

export function sentence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return "";
  const first = trimmed[0]!.toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

export function when(at: string | null | undefined): string {
  if (!at) return "";
  const date = new Date(at);
  const today = new Date().toDateString() === date.toDateString();
  return today
    ? date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" })
    : date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

/** A label as people read it in a list: the class, or those of its shapes with their numbers. */
export function labelWords(label: Label): string {
  if (label.kind === "tag") return label.label;
  const counts = new Map<string, number>();
  for (const shape of label.shapes ?? []) counts.set(shape.label, (counts.get(shape.label) ?? 0) + 1);
  const named = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return named.map(([name, n]) => (n === 1 ? name : `${count(n)} ${name}`)).join(", ") || "nothing in it";
}

/** Questions that nobody answered yet, whoever has them. */
export function unanswered(tasks: Readonly<Record<string, number>>): number {
  return (tasks["open"] ?? 0) + (tasks["leased"] ?? 0);
}

/** What the labelling assistant knows, in a few words; empty where it does not help. */
export function assistantWords(assistant: AssistantStatus): string {
  if (assistant.state === "off") return "";
  if (!assistant.trained_on) {
    if (assistant.state === "training") return "The assistant learns from your first labels";
    if (assistant.needed) return `The assistant learns after ${plural(assistant.needed, "more label")}`;
    return "The assistant is about to learn";
  }
  const learns = assistant.state === "training" ? ", learning more" : "";
  const rests = `Trained on ${plural(assistant.trained_on, "image")}`;
  if (assistant.agreement !== null && assistant.agreement !== undefined && (assistant.answered ?? 0) >= 5) {
    return `${rests}, agrees with you ${percent(assistant.agreement, 0)}${learns}`;
  }
  if (assistant.held_out !== null && assistant.held_out !== undefined) {
    return `${rests}, right on ${percent(assistant.held_out, 0)} of those held out${learns}`;
  }
  return rests + learns;
}

/** Whether a project's labels are boxes, polygons and masks, not one class for each image. */
export function isDrawn(project: { task: string }): boolean {
  return project.task !== "classification";
}

export const STAGES: { stage: Stage | "watch"; name: string; means: string }[] = [
  { stage: "watch", name: "Watch", means: "Every answer is compared with what the model was tested on." },
  { stage: "diagnose", name: "Diagnose", means: "Which images changed, and how?" },
  { stage: "verdict", name: "Verdict", means: "Does the change do harm? A few labels decide." },
  { stage: "collect", name: "Collect", means: "Labels of the images that teach most." },
  { stage: "train", name: "Train", means: "A challenger is trained and tested." },
  { stage: "shadow", name: "Shadow", means: "The challenger answers silently beside the champion." },
  { stage: "canary", name: "Canary", means: "The challenger answers a share of the requests." },
  { stage: "promote", name: "Champion", means: "The winner serves; watching starts anew." },
];

/** Index into STAGES of where the loop stands. */
export function place(stage: Stage | null): number {
  if (stage === null || stage === "closed") return 0;
  return STAGES.findIndex((s) => s.stage === stage);
}

export type Actor = "person" | "annotator" | "traffic" | "loop" | "nobody";

export function needsDecision(waiting: string): boolean {
  return waiting.startsWith("approval") || waiting.startsWith("a person: the policy only suggests");
}

/** Who must act for the loop to go on. */
export function actor(loop: Pick<LoopStatus, "case" | "waiting_for" | "paused" | "frozen">): Actor {
  if (loop.paused || loop.frozen) return "person";
  if (loop.case === null) return "nobody";
  const waiting = loop.waiting_for;
  if (!waiting) return "loop";
  if (waiting.startsWith("approval") || waiting.startsWith("a person")) return "person";
  if (/label/.test(waiting)) return "annotator";
  if (/request|prediction|disagree/.test(waiting)) return "traffic";
  if (/answer/.test(waiting)) return "annotator";
  return "loop";
}

export const WHO: Record<Actor, string> = {
  person: "A person must decide",
  annotator: "Labels are needed",
  traffic: "Waiting for traffic",
  loop: "Working by itself",
  nobody: "Nobody has to act",
};

export function nowSentence(view: Overview): string {
  const { loop } = view;
  if (loop.frozen) return `Frozen: ${loop.frozen}. A person must resume it.`;
  if (loop.paused) return "Paused by a person. Serving and watching go on; nothing else does.";
  if (!loop.champion) return "No model serves yet, so there is nothing to watch.";
  if (loop.case === null) {
    if (view.monitor.calibrating) {
      return `Learning what normal looks like: ${plural(view.monitor.calibration_needed ?? 0, "more image")} needed.`;
    }
    return `Watching ${loop.champion}. No new change noticed.`;
  }
  return loop.waiting_for
    ? `Waiting for ${loop.waiting_for}.`
    : sentence(loop.doing);
}

export const SCORES: Record<string, string> = {
  mahalanobis: "how unusual the images look to the model",
  confidence: "how sure the model is of its answers",
  domain: "how easily new images are told from old ones",
  count: "how many objects it sees",
  size: "how large the objects are that it sees",
  score: "how sure it is of the objects that it sees",
};

/** The rooms' sentences name scores by their technical names; people get plain ones. */
export function plain(text: string): string {
  const told = text.replace(
    /(\d+) wins, (\d+) losses, (\d+) ties on labelled disagreements \(e-value (?:up to )?([\d.e+]+)\)/,
    (_, wins: string, losses: string, ties: string, e: string) =>
      `on labelled disagreements the challenger was right ${times(wins)}, the champion ${times(losses)}` +
      `${Number(ties) ? `, neither ${times(ties)}` : ""} (evidence ${readable(Number(e))})`,
  );
  return Object.entries(SCORES).reduce(
    (so_far, [name, words]) => so_far.replaceAll(`in ${name}`, `in ${words}`),
    told,
  );
}

function times(n: string): string {
  return n === "0" ? "never" : n === "1" ? "once" : `${n} times`;
}

export const OUTCOMES: Record<NonNullable<Case["outcome"]>, { word: string; tone: Tone }> = {
  promoted: { word: "Healed: a better model serves", tone: "good" },
  rejected: { word: "No better model was found", tone: "warn" },
  harmless: { word: "Harmless", tone: "good" },
  undecided: { word: "Undecided", tone: "warn" },
  rolled_back: { word: "Rolled back", tone: "bad" },
  cancelled: { word: "Cancelled", tone: "quiet" },
};

export type Tone = "good" | "warn" | "bad" | "quiet" | "accent";

export const VERDICTS: Record<NonNullable<Case["verdict"]>, { word: string; tone: Tone }> = {
  harmful: { word: "Does harm", tone: "bad" },
  harmless: { word: "Does no harm", tone: "good" },
  undecided: { word: "Not proven", tone: "warn" },
};

export const ROLES: Record<string, string> = {
  champion: "the model in charge",
  canary: "the challenger, on trial with real answers",
  shadow: "another model, silently beside the champion",
};

/** Who answers beside the champion: a challenger on trial, or the former champion that is compared with it. */
export function besideSentence(deployment: Deployment | null): string {
  const beside = deployment?.challenger;
  if (!deployment || !beside) return "No challenger.";
  const silent = percent(deployment.shadow, 0);
  return isWatched(deployment)
    ? `${beside.model}, the champion before, goes on answering silently on ${silent} of the requests: if it turns out to be the better one, it comes back.`
    : `Challenger ${beside.model}: silent on ${silent} of the requests, answering ${percent(deployment.canary, 0)}.`;
}

/** Whether the former champion still answers in shadow, so that a promotion can be taken back. */
export function isWatched(deployment: Deployment): boolean {
  return !!deployment.challenger && deployment.challenger.model === deployment.previous?.model;
}

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  let left = value;
  while (left >= 1000 && at < units.length - 1) {
    left /= 1000;
    at += 1;
  }
  return `${left < 10 && at > 0 ? left.toFixed(1) : Math.round(left)} ${units[at]}`;
}

/** What the running evidence of change says, for somebody who never heard of e-values. */
export function changeSentence(monitor: MonitorStatus): string {
  if (!monitor.reference) return "Nothing is watched yet: it begins with the first champion.";
  if (monitor.calibrating) {
    return `Still learning what normal looks like: ${plural(monitor.calibration_needed ?? 0, "more image")} needed.`;
  }
  const line = readable(monitor.threshold);
  const e = monitor.e_value ?? 0;
  if (monitor.alarmed) {
    return `The alarm went off: the evidence that the camera's world changed reached ${line} times what chance would explain.`;
  }
  if (e < 1) return `Nothing speaks for a change in the camera's world. The alarm goes off at ${line}.`;
  return `The evidence that the camera's world changed is ${readable(e)} times what chance would explain; the alarm goes off at ${line}.`;
}

/** The same for harm. */
export function harmSentence(history: HarmHistory): string {
  const last = history.points.at(-1);
  if (!last || !last.labels || history.bar === null) return "No label has been given yet.";
  const line = readable(history.bar);
  const given = `After ${plural(last.labels, "label")}`;
  if (last.verdict === "harmful") {
    return `${given} it is proven that the model does harm on the new images: the evidence reached ${readable(last.e_harm)} times what chance would explain, ${line} was needed.`;
  }
  if (last.verdict === "harmless") {
    return `${given} it is proven that the change does no harm: the evidence reached ${readable(last.e_harmless)} times what chance would explain, ${line} was needed.`;
  }
  const more = last.e_harm >= last.e_harmless ? "for harm" : "for harmlessness";
  return `${given} nothing is proven: the evidence ${more} is ${readable(Math.max(last.e_harm, last.e_harmless))} times what chance would explain; ${line} decides.`;
}

export function accuracySentence(estimate: MonitorStatus["estimate"]): string {
  if (estimate?.low === null || estimate?.low === undefined) {
    return "A band appears with the first predictions.";
  }
  const rests = estimate.labels ? `resting on ${plural(estimate.labels, "label")}` : "without labels";
  return `between ${percent(estimate.low)} and ${percent(estimate.high)}, ${rests}`;
}

export const SCORE_NAMES: Record<string, string> = {
  mahalanobis: "Unusual looks",
  confidence: "Certainty of the answers",
  domain: "Told apart from before",
  count: "Number of objects",
  size: "Size of objects",
  score: "Certainty of objects",
};

/** Whether something was so a moment ago: what is older is not "now". */
export function isFresh(at: string | null | undefined): boolean {
  return !!at && Date.now() - Date.parse(at) < 15_000;
}
