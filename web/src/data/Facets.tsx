import { useState } from "react";
import type { Facets } from "../api/client";
import { useApi } from "../api/live";
import { Term } from "../parts";
import { count } from "../words";
import { has, range, shown, toggled, withRange } from "./query";

const TITLES: Record<string, string> = {
  class: "Class", split: "Split", source: "Source", author: "Labelled by", case: "Case",
  format: "Format", predicted: "The champion says",
};
const MEANS: Record<string, string> = {
  brightness: "Mean grey level, 0 black to 255 white.",
  contrast: "Standard deviation of the grey levels.",
  blur: "Variance of the Laplacian: small is blurred.",
  entropy: "Bits of grey-level information: small is flat.",
  width: "Pixels, upright.",
  height: "Pixels, upright.",
};
const FEW = 6;

export function FacetList({
  project,
  query,
  search,
}: {
  project: string;
  query: string;
  search: (text: string) => void;
}) {
  const asked = useApi<Facets>(
    `projects/${project}/facets?${new URLSearchParams({ q: query }).toString()}`,
  );
  // While the next counts are on their way, the ones before stay and can be clicked.
  const [last, setLast] = useState<Facets>();
  if (asked.data && asked.data !== last) setLast(asked.data);
  const found = asked.data ?? last;
  if (!found) {
    return asked.problem ? (
      <p className="soft">No counts: {asked.problem.message}</p>
    ) : (
      <p className="soft" role="status">Counting…</p>
    );
  }
  return (
    <>
      {found.facets
        .filter((f) => f.values.length > 1 || f.values.some(([v]) => has(query, f.field, v as string)))
        .map((facet) => (
          <Values
            key={facet.field}
            title={TITLES[facet.field] ?? shown(facet.field)}
            field={facet.field}
            values={facet.values as [string, number][]}
            query={query}
            search={search}
          />
        ))}
      <Statistics ranges={found.ranges ?? {}} query={query} search={search} />
    </>
  );
}

function Values({
  title,
  field,
  values,
  query,
  search,
}: {
  title: string;
  field: string;
  values: [string, number][];
  query: string;
  search: (text: string) => void;
}) {
  const [all, setAll] = useState(false);
  const most = Math.max(...values.map(([, n]) => n), 1);
  const visible = all ? values : values.filter(([v], i) => i < FEW || has(query, field, v));
  return (
    <fieldset className="facet">
      <legend>{title}</legend>
      {visible.map(([value, n]) => (
        <button
          key={value}
          type="button"
          aria-pressed={has(query, field, value)}
          onClick={() => search(toggled(query, field, value))}
        >
          <span className="facet-bar" style={{ width: `${(100 * n) / most}%` }} />
          <span className="facet-value">{value === "" ? "no label" : value === "(none)" ? "nothing in it" : value}</span>
          <span className="facet-count">{count(n)}</span>
        </button>
      ))}
      {values.length > visible.length && (
        <button type="button" className="link" onClick={() => setAll(true)}>
          {values.length - visible.length} more
        </button>
      )}
    </fieldset>
  );
}

function Statistics({
  ranges,
  query,
  search,
}: {
  ranges: NonNullable<Facets["ranges"]>;
  query: string;
  search: (text: string) => void;
}) {
  const names = Object.keys(MEANS).filter((name) => {
    const found = ranges[name];
    return found && (found[0] !== found[1] || range(query, name).some(Boolean));
  });
  if (!names.length) return null;
  return (
    <fieldset className="facet">
      <legend>Statistics</legend>
      {names.map((name) => {
        const [low, high] = range(query, name);
        const [least, most] = ranges[name] as [number, number];
        const change = (which: 0 | 1) => (value: string) =>
          search(withRange(query, name, which ? low : value, which ? value : high));
        return (
          <div key={name} className="facet-range">
            <Term means={MEANS[name]!}>{name}</Term>
            <Limit label={`${name} from`} value={low} hint={Math.floor(least)} set={change(0)} />
            <Limit label={`${name} to`} value={high} hint={Math.ceil(most)} set={change(1)} />
          </div>
        );
      })}
    </fieldset>
  );
}

function Limit({
  label,
  value,
  hint,
  set,
}: {
  label: string;
  value: string;
  hint: number;
  set: (value: string) => void;
}) {
  return (
    <input
      key={value}
      type="number"
      step="any"
      aria-label={label}
      placeholder={String(hint)}
      defaultValue={value}
      onBlur={(e) => e.target.value !== value && set(e.target.value)}
      onKeyDown={(e) => e.key === "Enter" && set(e.currentTarget.value)}
    />
  );
}
