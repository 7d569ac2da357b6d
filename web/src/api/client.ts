import { BASE } from "../router";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Overview = Schemas["Overview"];
export type Project = Schemas["AnsweredProject"];
export type LoopStatus = Schemas["LoopStatus"];
export type MonitorStatus = Schemas["MonitorStatus"];
export type HistoryPoint = Schemas["HistoryPoint"];
export type Case = Schemas["Case"];
export type Stage = Case["stage"];
export type Model = Schemas["Model"];
export type Run = Schemas["Run"];
export type RunProgress = Schemas["RunProgress"];
export type Work = Schemas["Work"];
export type ModelDetails = Schemas["ModelDetails"];
export type Report = Schemas["Report"];
export type LabelQueue = Schemas["LabelQueue"];
export type LabelShare = Schemas["LabelShare"];
export type AssistantStatus = Schemas["AssistantStatus"];
export type LabelQuality = Schemas["LabelQuality"];
export type Agreement = Schemas["Agreement"];
export type LabelTask = Schemas["LabelTaskToShow"];
export type StoredEvent = Schemas["StoredEvent"];
export type EventKind = StoredEvent["kind"];
export type Sample = Schemas["Sample"];
export type FoundSamples = Schemas["FoundSamples"];
export type Facets = Schemas["Facets"];
export type Annotation = Schemas["Annotation"];
export type Label = Annotation["label"];
export type Version = Schemas["Version"];
export type VersionChange = Schemas["VersionChange"];
export type Changes = Schemas["Changes"];
export type TimelinePoint = Schemas["TimelinePoint"];
export type Traffic = Schemas["Traffic"];
export type LatestPrediction = Schemas["LatestPrediction"];
export type Hardware = Schemas["Hardware"];
export type MachineUse = Schemas["MachineUse"];
export type ServicePoint = Schemas["ServicePoint"];
export type HarmHistory = Schemas["HarmHistory"];
export type DuelHistory = Schemas["Duel"];
export type Disagreement = Schemas["Disagreement"];
export type Deployment = Schemas["Deployment"];
export type ServerStatus = Schemas["ServerStatus"];
export type PolicyInForce = Schemas["PolicyInForce"];
export type PolicyField = Schemas["PolicyField"];
export type PolicyChange = Schemas["PolicyChange"];
export type SettingsInForce = Schemas["SettingsInForce"];
export type EmbeddingStatus = Schemas["Embedding"];
export type SimilarSamples = Schemas["SimilarSamples"];
export type UploadStatus = Schemas["UploadStatus"];
export type LineageOfPrediction = Schemas["LineageOfPrediction"];

/** What went wrong, in words; `status` 0 means that nobody answered. */
export class Problem extends Error {
  constructor(
    message: string,
    readonly hint: string,
    readonly status: number,
    readonly context: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

export function url(path: string): string {
  return `${BASE}api/${path}`;
}

/** An address that the API gave (`/api/...`), below the page's own prefix. */
export function fromApi(path: string): string {
  return BASE + path.replace(/^\//, "");
}

/** Ask the API; what it refuses is a Problem, an answer of any other kind is given as it is. */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url(path), init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Problem(
      "The control plane does not answer.",
      "Is `autofocus up` running? The page goes on by itself when it is back.",
      0,
    );
  }
  if (!answer.ok && answer.status !== 304) {
    const told = (await answer.json().catch(() => null)) as {
      error?: { message: string; hint?: string; context?: Record<string, unknown> };
    } | null;
    throw new Problem(
      told?.error?.message ?? `The answer was ${answer.status} ${answer.statusText}.`,
      told?.error?.hint ?? "",
      answer.status,
      told?.error?.context,
    );
  }
  return answer;
}

export async function call<T>(path: string, body?: unknown, method = "POST"): Promise<T> {
  const answer = await ask(
    path,
    body === undefined
      ? {}
      : {
          method,
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        },
  );
  return (await answer.json()) as T;
}
