import { CurveChart } from "../charts";
import type { RunProgress } from "../api/client";

type Curves = RunProgress["curves"];

const DRAWN: { title: string; lines: { name: string; words: string }[]; share?: boolean }[] = [
  {
    title: "How wrong it is (loss)",
    lines: [
      { name: "train_loss", words: "on images it learns from" },
      { name: "val_loss", words: "on images kept apart" },
    ],
  },
  {
    title: "Right on images kept apart",
    lines: [{ name: "val_accuracy", words: "right answers" }],
    share: true,
  },
  {
    title: "Average precision on images kept apart",
    lines: [{ name: "val_map50", words: "at half overlap" }],
    share: true,
  },
  {
    title: "Overlap on images kept apart",
    lines: [{ name: "val_miou", words: "mean overlap" }],
    share: true,
  },
];

/** How a training went, step by step. */
export function TrainingCurves({ curves }: { curves: Curves }) {
  const drawn = DRAWN.map((chart) => ({
    ...chart,
    lines: chart.lines.filter((line) => (curves[line.name]?.length ?? 0) > 1),
  })).filter((chart) => chart.lines.length);
  if (!drawn.length) return <p className="soft">The curves begin with the first steps.</p>;
  return (
    <div className="split-view">
      {drawn.map((chart) => (
        <section key={chart.title}>
          <h3>{chart.title}</h3>
          <CurveChart
            label={`${chart.title}, by step`}
            share={chart.share ?? false}
            lines={chart.lines.map((line) => ({
              name: line.words,
              points: (curves[line.name] ?? []).map(([x, y]) => ({ x: x ?? 0, y: y ?? 0 })),
            }))}
          />
        </section>
      ))}
    </div>
  );
}
