import type { Model, Report } from "../api/client";
import { percent } from "../words";

/** Metrics in plain words; the first that a model has is the one it is judged by. */
export const MEASURES: Record<string, string> = {
  accuracy: "Right answers",
  map50: "Average precision, boxes and masks that overlap by half",
  map: "Average precision, mean over stricter overlaps",
  miou: "Mean overlap of areas",
  balanced_accuracy: "Right answers, all classes counting the same",
  f1: "Found and rightly so (F1)",
  mean_loss: "Wrong in an image, on average",
  calibration_error: "How far its certainty is off",
  auc: "Pairs put in the right order",
};

const HEADLINES = ["accuracy", "map50", "miou"] as const;
const SHORT: Record<(typeof HEADLINES)[number], string> = {
  accuracy: "right",
  map50: "average precision at half overlap",
  miou: "mean overlap of areas",
};

/** The number that a model is known by. */
export function headline(model: Model): { value: string; words: string } {
  const metrics = model.metrics ?? {};
  const name = HEADLINES.find((n) => metrics[n] !== undefined);
  return name === undefined
    ? { value: "unknown", words: "" }
    : { value: percent(metrics[name]), words: SHORT[name] };
}

/** The metrics over all images that are worth a person's look. */
export function overall(report: Report) {
  return Object.entries(MEASURES).flatMap(([name, title]) =>
    report.metrics.filter((m) => !m.slice && m.name === name).map((m) => ({ ...m, title })),
  );
}

/** The same measure for each part of the images. */
export function bySlice(report: Report) {
  const name = HEADLINES.find((n) => report.metrics.some((m) => m.slice && m.name === n));
  return report.metrics
    .filter((m) => m.slice && m.name === name)
    .map((m) => ({ ...m, title: (m.slice ?? "").replace("=", ": ") }));
}
