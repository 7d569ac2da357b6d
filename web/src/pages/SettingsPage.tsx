import type {
  Overview,
  PolicyChange,
  PolicyInForce,
  Project,
  SettingsInForce,
} from "../api/client";
import { useApi } from "../api/live";
import { Card, Command, Fetched, Shown } from "../parts";
import { MachinesCard } from "../production/machines";
import { Link } from "../router";
import { PolicyEditor } from "../settings/policy-editor";
import { when } from "../words";

export function SettingsPage({ name, projects }: { name: string; projects: Project[] }) {
  const policy = useApi<PolicyInForce>(`projects/${name}/policy/fields`);
  const view = useApi<Overview>(`projects/${name}`, 10);
  return (
    <>
      <h1>Settings</h1>
      <div className="grid">
        <Card className="wide" title={`The policy of ${name}`}>
          <p className="soft">
            What the loop may do by itself, and when. A change counts from the next step on; tests
            that are running keep the rules they began with.
          </p>
          <Shown asked={policy}>
            {(found) => <PolicyEditor project={name} policy={found} saved={policy.again} />}
          </Shown>
        </Card>
        <Card className="wide" title="Who changed the policy">
          <Fetched<PolicyChange[]> path={`projects/${name}/policy/history`}>
            {(changes) => <History changes={changes} />}
          </Fetched>
        </Card>
        <Card className="wide" title="Settings in force">
          <Fetched<SettingsInForce> path="settings">
            {(found) => <InForce found={found} />}
          </Fetched>
        </Card>
        <Shown asked={view}>{(found) => <MachinesCard view={found} />}</Shown>
        <Card title="Projects">
          <ul className="plain-list">
            {projects.map((project) => (
              <li key={project.name}>
                <Link to={["p", project.name]}>{project.name}</Link>{" "}
                <span className="soft">
                  {project.task}: {project.classes.join(", ")}; since {when(project.created_at)}
                </span>
              </li>
            ))}
          </ul>
          <p className="soft">Make another on the command line:</p>
          <Command>autofocus init NAME --task classification --classes a,b</Command>
        </Card>
        <Card title="Versions">
          <Fetched<SettingsInForce> path="settings">
            {(found) => (
              <dl className="facts versions">
                {Object.entries(found.libraries ?? {}).map(([library, version]) => (
                  <div key={library}>
                    <dt>{library}</dt>
                    <dd>{version}</dd>
                  </div>
                ))}
              </dl>
            )}
          </Fetched>
        </Card>
      </div>
    </>
  );
}

function shown(value: unknown): string {
  return value === null || value === undefined ? "empty" : JSON.stringify(value);
}

function History({ changes }: { changes: PolicyChange[] }) {
  if (!changes.length) {
    return <p className="soft">Nobody so far: the defaults are in force, or what the project was made with.</p>;
  }
  return (
    <ol className="events">
      {changes.map((change) => (
        <li key={change.at}>
          <time dateTime={change.at}>{when(change.at)}</time>
          <span>
            {change.author}
            {change.why && `: ${change.why}`}
            {(change.changes ?? []).map((one) => (
              <span key={String(one["field"])} className="change">
                <code>{String(one["field"])}</code> {shown(one["before"])} → {shown(one["after"])}
              </span>
            ))}
          </span>
        </li>
      ))}
    </ol>
  );
}

function InForce({ found }: { found: SettingsInForce }) {
  return (
    <>
      <p className="soft">
        Written in <code>{found.workspace}/settings.yaml</code> or in the environment, which wins.
        They count after the next start of <code>autofocus up</code>.
      </p>
      <div className="scroll" tabIndex={0} role="region" aria-label="Settings in force">
        <table className="settings-table">
          <thead>
            <tr>
              <th scope="col">Setting</th>
              <th scope="col">Value</th>
              <th scope="col">Comes from</th>
            </tr>
          </thead>
          <tbody>
            {found.settings.map((setting) => (
              <tr key={setting.name}>
                <th scope="row">
                  {setting.name.replaceAll("_", " ")}
                  <small>{setting.means}</small>
                </th>
                <td>
                  {setting.value === "" ? <span className="soft">empty</span> : <code>{setting.value}</code>}
                </td>
                <td>
                  {setting.source === "default" ? (
                    <span className="soft">the default</span>
                  ) : (
                    <code>{setting.source}</code>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
