import { IntervalBar } from "../charts";
import type { Model, ModelDetails, Report } from "../api/client";
import { useApi } from "../api/live";
import { Card, Shown } from "../parts";
import { Link } from "../router";
import { percent } from "../words";
import { bySlice, overall } from "./measures";

/** Two models side by side: measured on the same kinds of images, made by which settings. */
export function Compare({ project, a, b }: { project: string; a: Model; b: Model }) {
  const one = useApi<ModelDetails>(`projects/${project}/models/${a.id}`);
  const other = useApi<ModelDetails>(`projects/${project}/models/${b.id}`);
  return (
    <Card className="wide" title={`${a.id} beside ${b.id}`}>
      <Shown asked={one}>
        {(left) => <Shown asked={other}>{(right) => <Sides project={project} both={[left, right]} />}</Shown>}
      </Shown>
    </Card>
  );
}

function Sides({ project, both }: { project: string; both: [ModelDetails, ModelDetails] }) {
  const [left, right] = both;
  const reports = both.map((side) => side.reports[0]);
  const titles = [...new Set(reports.flatMap((r) => (r ? rowsOf(r).map((row) => row.title) : [])))];
  const settings = both.map((side) => settingsOf(side));
  const names = [...new Set(settings.flatMap((s) => Object.keys(s)))].filter(
    (name) => settings[0]?.[name] !== settings[1]?.[name],
  );
  return (
    <div className="scroll">
      <table className="metrics beside">
        <thead>
          <tr>
            <td />
            {[left, right].map(({ model }) => (
              <th key={model.id} scope="col" colSpan={2}>
                <Link to={["p", project, "models", model.id]}>{model.id}</Link>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {titles.map((title) => (
            <tr key={title}>
              <th scope="row">{title}</th>
              {reports.map((report, i) => {
                const found = report && rowsOf(report).find((row) => row.title === title);
                return found ? (
                  <Cells key={i} value={found.value} low={found.low ?? null} high={found.high ?? null} />
                ) : (
                  <td key={i} colSpan={2} className="soft">
                    not measured
                  </td>
                );
              })}
            </tr>
          ))}
          {names.map((name) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {settings.map((side, i) => (
                <td key={i} colSpan={2}>
                  {side[name] ?? "the default"}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cells({ value, low, high }: { value: number; low: number | null; high: number | null }) {
  return (
    <>
      <td>
        <IntervalBar value={value} low={low ?? null} high={high ?? null} />
      </td>
      <td className="number">{percent(value)}</td>
    </>
  );
}

function rowsOf(report: Report) {
  return [...overall(report), ...bySlice(report)];
}

/** What a model was made from and how, as text by name. */
export function settingsOf({ lineage }: ModelDetails): Record<string, string> {
  const run = lineage["run"] as { spec?: Record<string, unknown> } | null | undefined;
  const version = lineage["version"] as { number?: number; message?: string } | null | undefined;
  const spec = run?.spec ?? {};
  const parameters = (spec["parameters"] ?? {}) as Record<string, unknown>;
  return {
    ...(version ? { "Learnt from": `v${version.number}: ${version.message}` } : {}),
    ...(spec["architecture"] ? { Architecture: String(spec["architecture"]) } : {}),
    ...(spec["seed"] !== undefined ? { Seed: String(spec["seed"]) } : {}),
    ...(spec["threads"] !== undefined ? { "CPU threads": String(spec["threads"]) } : {}),
    ...Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [
        name.replaceAll("_", " "),
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    ),
  };
}
