import type { Hardware, Overview, ServicePoint } from "../api/client";
import { useApi } from "../api/live";
import { Card, Shown } from "../parts";
import { bytes, when } from "../words";

type ServerHardware = {
  machine?: string;
  cores?: number;
  memory_bytes?: number;
  rss_bytes?: number;
  cpu_percent?: number;
};

/** What everything runs on, and how busy it is. */
export function MachinesCard({ view }: { view: Overview }) {
  const hardware = useApi<Hardware>("hardware", 10);
  const past = useApi<ServicePoint[]>("service?hours=1&points=60", 10);
  return (
    <Card className="wide" title="Hardware">
      <div className="split-view">
      <Shown asked={hardware}>
        {(machine) => (
          <section>
            <h3>The control plane's machine</h3>
            <p className="soft">
              {machine.processor}, {machine.cores} cores, {bytes(machine.memory_bytes)} of memory
            </p>
            <dl className="mix meters">
              <Meter
                name="Processor"
                share={machine.now.cpu_percent / 100}
                told={`${machine.now.cpu_percent.toFixed(0)} %`}
              />
              <Meter
                name="Memory"
                share={machine.now.memory_used_bytes / machine.now.memory_bytes}
                told={`${bytes(machine.now.memory_used_bytes)} used`}
              />
              {machine.now.gpus.map((gpu, i) => (
                <Meter
                  key={i}
                  name={gpu.name}
                  share={gpu.percent / 100}
                  told={`${gpu.percent} %, ${bytes(gpu.used_bytes)} of ${bytes(gpu.memory_bytes)}`}
                />
              ))}
            </dl>
            <p className="soft">
              {bytes(machine.disk_free_bytes)} free on the workspace's disk.{" "}
              {machine.gpus.length ? "" : "No NVIDIA GPU is here."}
            </p>
          </section>
        )}
      </Shown>
      {view.servers.map((server) => {
        const has = server.hardware as ServerHardware;
        return (
          <section key={server.server}>
            <h3>Inference server {server.server}</h3>
            <p className="soft">
              {has.machine ? `on ${has.machine}, ${has.cores ?? "?"} cores, ` : ""}since{" "}
              {when(server.started_at)}
            </p>
            {has.rss_bytes !== undefined && (
              <dl className="mix meters">
                <Meter
                  name="Processor"
                  share={(has.cpu_percent ?? 0) / 100 / (has.cores ?? 1)}
                  told={`${((has.cpu_percent ?? 0) / (has.cores ?? 1)).toFixed(0)} %`}
                />
                <Meter
                  name="Memory"
                  share={has.rss_bytes / (has.memory_bytes ?? has.rss_bytes)}
                  told={`${bytes(has.rss_bytes)}${peak(past.data ?? [], server.server)}`}
                />
              </dl>
            )}
          </section>
        );
      })}
      </div>
    </Card>
  );
}

function peak(past: ServicePoint[], name: string): string {
  const seen = past.flatMap((p) =>
    p.servers.filter((s) => s["server"] === name).map((s) => Number(s["rss_bytes"] ?? 0)),
  );
  return seen.length > 1 ? `, at most ${bytes(Math.max(...seen))} in the last hour` : "";
}

function Meter({ name, share, told }: { name: string; share: number; told: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <span className="mix-bar">
          <span style={{ width: `${Math.min(100, 100 * share)}%` }} />
        </span>
        {told}
      </dd>
    </div>
  );
}
