import type { ServicePoint, Traffic } from "../api/client";
import { count, percent, when } from "../words";
import { across, area, Frame, Legend, path, scale } from "./frame";

/** Requests a minute, and those that failed. */
export function RequestsChart({ points }: { points: ServicePoint[] }) {
  if (points.length < 2) {
    return <p className="soft">Noted every ten seconds while the control plane runs.</p>;
  }
  const perMinute = (n: number, p: ServicePoint) => (60 * n) / Math.max(p.seconds, 1);
  const top = Math.max(1, ...points.map((p) => perMinute(p.requests, p)));
  const y = scale(0, top);
  const line = (name: "requests" | "failed") =>
    points.map((p, i) => ({ x: across(i, points.length), y: y(perMinute(p[name], p)) }));
  const floor = points.map((_, i) => ({ x: across(i, points.length), y: y(0) }));
  return (
    <>
      <Frame
        points={points}
        label="Requests a minute over time, and those that failed"
        ticks={[
          { at: top, text: count(Math.round(top)) },
          { at: 0, text: "0" },
        ]}
        y={y}
        read={(p) =>
          `${when(p.at)} · ${count(Math.round(perMinute(p.requests, p)))} a minute, ${count(p.failed)} failed`
        }
        ends={[when(points[0]?.at), when(points.at(-1)?.at)]}
      >
        <path className="band" d={area(line("requests"), floor)} />
        <path className="curve" d={path(line("requests"))} />
        <path className="curve harmful" d={path(line("failed"))} />
      </Frame>
      <Legend
        entries={[
          { name: "requests a minute", swatch: "s0" },
          { name: "failed", swatch: "harmful" },
        ]}
      />
    </>
  );
}

const ROLES = ["champion", "canary", "shadow"] as const;

/** Who answered lately: shares of champion, canary and shadow that fill the height. */
export function RolesChart({ traffic }: { traffic: Traffic }) {
  const slices = traffic.slices.filter((s) => Object.values(s.roles).some((n) => n > 0));
  const there = ROLES.filter((role) => traffic.roles[role]);
  if (slices.length < 2 || there.length < 2) return null;
  const y = scale(0, 1);
  const share = (s: (typeof slices)[number], role: string) =>
    (s.roles[role] ?? 0) / Object.values(s.roles).reduce((a, b) => a + b, 0);
  const edge = (upTo: number) =>
    slices.map((s, i) => ({
      x: across(i, slices.length),
      y: y(there.slice(0, upTo).reduce((sum, role) => sum + share(s, role), 0)),
    }));
  return (
    <>
      <Frame
        points={slices}
        label="Who answered lately"
        ticks={[
          { at: 1, text: "100 %" },
          { at: 0, text: "0 %" },
        ]}
        y={y}
        read={(s) =>
          `${when(s.at)} · ${there.map((role) => `${role} ${percent(share(s, role), 0)}`).join(", ")}`
        }
        ends={[when(slices[0]?.at), when(slices.at(-1)?.at)]}
      >
        {there.map((role, i) => (
          <path key={role} className={`layer l${i}`} d={area(edge(i + 1), edge(i))} />
        ))}
      </Frame>
      <Legend entries={there.map((role, i) => ({ name: role, swatch: `l${i}` }))} />
    </>
  );
}
