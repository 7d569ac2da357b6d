import { useCallback, useEffect, useMemo, useRef, useState, type PointerEvent, type WheelEvent } from "react";
import { call, Problem, type EmbeddingStatus, type Project, type Sample } from "../api/client";
import { useApi } from "../api/live";
import { Card, Empty, Failure, Loading, savedName, Term } from "../parts";
import { go } from "../router";
import { count, labelWords, plural } from "../words";
import {
  fetchCloud, grouped, inside, nearest, paint, WHOLE, type Cloud, type ColorBy, type Point, type View,
} from "./cloud";
import { ImageGrid, picture } from "./Grid";
import { useByIds } from "./windows";

const BY: Record<ColorBy, string> = {
  label: "Class", split: "Split", said: "What the champion says", disputed: "Champion against label",
};
const MOST_ASKED = 1000;

function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(String(error), "", 0);
}

/** What looks alike to the champion lies close together; a loop drawn around points selects them. */
export default function ImageMap({ project }: { project: Project }) {
  const status = useApi<EmbeddingStatus>(`projects/${project.name}/embeddings`, 1);
  const [query, setQuery] = useState(() => new URLSearchParams(location.search).get("q") ?? "");
  const [typed, setTyped] = useState(query);
  const [state, setState] = useState<{ cloud?: Cloud; problem?: Problem; name: string }>({ name: "" });
  const [turn, setTurn] = useState(0);
  const found = status.data;
  const ready = Boolean(found?.model && found.done > 0);
  const name = `${query}\n${found?.model}\n${turn}`;

  useEffect(() => {
    if (!ready) return;
    let current = true;
    fetchCloud(project.name, query).then(
      (cloud) => current && setState({ cloud, name }),
      (error: unknown) => current && setState({ problem: asProblem(error), name }),
    );
    return () => {
      current = false;
    };
  }, [project.name, query, ready, name]);

  const look = () =>
    call(`projects/${project.name}/embeddings`, {}).then(status.again, (error: unknown) =>
      setState({ problem: asProblem(error), name }),
    );

  if (!found) return status.problem ? <Failure problem={status.problem} again={status.again} /> : <Loading />;
  if (!found.model) {
    return (
      <Card>
        <Empty title="No map yet">
          <p>
            The map shows the images as the champion sees them. Train a model and promote it, then come
            back.
          </p>
        </Empty>
      </Card>
    );
  }
  const left = found.total - found.done;
  return (
    <div className="map-page">
      <form
        className="data-search map-search"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          setQuery(typed.trim());
        }}
      >
        <input
          type="search"
          aria-label="Which images to show"
          placeholder="Show only: is:unlabelled split:pool camera:door"
          value={typed}
          onChange={(e) => setTyped(e.target.value)}
          spellCheck={false}
          autoCapitalize="none"
        />
        <button type="submit">Show</button>
      </form>
      {left > 0 && (
        <div className="row similar-work">
          <progress aria-label="Looked at" max={found.total} value={found.done} />
          <span role="status">
            {found.model} has looked at {count(found.done)} of {count(found.total)} images
          </span>
          {found.running ? null : (
            <button type="button" className="small go" onClick={() => void look()}>
              Look at {found.done ? "the rest" : "them"}
            </button>
          )}
          {state.cloud && found.done > state.cloud.n && !query && (
            <button type="button" className="small" onClick={() => setTurn((n) => n + 1)}>
              Draw again
            </button>
          )}
        </div>
      )}
      {found.error && <Failure problem={new Problem(found.error, "", 0)} />}
      {state.problem && <Failure problem={state.problem} again={() => setTurn((n) => n + 1)} />}
      {!ready ? (
        <Card>
          <Empty title="The champion has not looked at the images yet">
            <p>It looks at each image once; the map grows while it does.</p>
          </Empty>
        </Card>
      ) : !state.cloud ? (
        !state.problem && <Loading />
      ) : state.cloud.n === 0 ? (
        <Empty title="No image is like that">
          <p>
            <button type="button" onClick={() => { setTyped(""); setQuery(""); }}>
              Show all images
            </button>
          </p>
        </Empty>
      ) : (
        <Plot key={state.name} project={project} cloud={state.cloud} />
      )}
    </div>
  );
}

function Plot({ project, cloud }: { project: Project; cloud: Cloud }) {
  const [by, setBy] = useState<ColorBy>("label");
  const [view, setView] = useState<View>(WHOLE);
  const [moving, setMoving] = useState(false);
  const [chosen, setChosen] = useState<Uint8Array>();
  const [loop, setLoop] = useState<Point[]>([]);
  const [hover, setHover] = useState<{ index: number; at: Point }>();
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [theme, setTheme] = useState("");
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const dragged = useRef<Point | undefined>(undefined);
  const { of, groups } = useMemo(() => grouped(cloud, by), [cloud, by]);
  const ids = useMemo(() => {
    if (!chosen) return [];
    const list: number[] = [];
    for (let i = 0; i < cloud.n; i += 1) if (chosen[i]) list.push(cloud.ids[i]!);
    return list;
  }, [cloud, chosen]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    const look = () => setTheme(document.documentElement.dataset["theme"] ?? "");
    const themes = new MutationObserver(look);
    themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    look();
    return () => {
      observer.disconnect();
      themes.disconnect();
    };
  }, []);

  useEffect(() => {
    const element = canvas.current;
    if (!element || !size.width) return;
    const frame = requestAnimationFrame(() => {
      const ratio = Math.min(2, devicePixelRatio);
      const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
      if (element.width !== width) element.width = width;
      if (element.height !== height) element.height = height;
      const paper = getComputedStyle(element).getPropertyValue("--card");
      paint(element, cloud, of, groups, view, chosen, ratio, paper);
      element.dataset["drawn"] = String(cloud.n);
    });
    return () => cancelAnimationFrame(frame);
  }, [cloud, of, groups, view, chosen, size, theme]);

  const place = (event: { clientX: number; clientY: number }): Point => {
    const frame = canvas.current!.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  };

  const zoom = useCallback((times: number, at?: Point) => {
    setView((before) => {
      const next = Math.max(0.8, Math.min(200, before.zoom * times));
      if (!at) return { ...before, zoom: next };
      // What is under the pointer stays there.
      const unit = (Math.min(size.width, size.height) / 2) * 0.94;
      const [dx, dy] = [at.x - size.width / 2, size.height / 2 - at.y];
      const by = 1 / (unit * before.zoom) - 1 / (unit * next);
      return { x: before.x + dx * by, y: before.y + dy * by, zoom: next };
    });
  }, [size]);

  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    canvas.current?.setPointerCapture(event.pointerId);
    dragged.current = place(event);
    setHover(undefined);
    if (!moving) setLoop([place(event)]);
  };
  const move = (event: PointerEvent) => {
    const at = place(event);
    const from = dragged.current;
    if (!from) {
      const index = nearest(cloud, view, size.width, size.height, at, 10);
      setHover(index === undefined ? undefined : { index, at });
    } else if (moving) {
      const scale = (Math.min(size.width, size.height) / 2) * 0.94;
      setView((v) => ({
        ...v, x: v.x - (at.x - from.x) / (scale * v.zoom), y: v.y + (at.y - from.y) / (scale * v.zoom),
      }));
      dragged.current = at;
    } else setLoop((points) => [...points, at]);
  };
  const up = (event: PointerEvent) => {
    if (!dragged.current) return;
    dragged.current = undefined;
    if (moving) return;
    const points = loop;
    setLoop([]);
    if (points.length < 3) {
      const index = nearest(cloud, view, size.width, size.height, place(event), 10);
      if (index === undefined) setChosen(undefined);
      else {
        const one = new Uint8Array(cloud.n);
        one[index] = 1;
        setChosen(one);
      }
      return;
    }
    const found = inside(cloud, view, size.width, size.height, points);
    setChosen(found.some(Boolean) ? found : undefined);
  };
  const choose = (group: number) => {
    const found = new Uint8Array(cloud.n);
    for (let i = 0; i < cloud.n; i += 1) if (of[i] === group) found[i] = 1;
    setChosen(found);
  };

  return (
    <div className={`map-columns ${chosen ? "with-chosen" : ""}`}>
      <div className="map-left">
        <div className="map-tools">
          <label className="inline">
            Colour by
            <select value={by} onChange={(e) => setBy(e.target.value as ColorBy)}>
              {Object.entries(BY).map(([value, words]) => (
                <option key={value} value={value}>
                  {words}
                </option>
              ))}
            </select>
          </label>
          <div className="switch" role="group" aria-label="What dragging does">
            <button type="button" aria-pressed={!moving} onClick={() => setMoving(false)}>
              Select
            </button>
            <button type="button" aria-pressed={moving} onClick={() => setMoving(true)}>
              Move
            </button>
          </div>
          <div className="switch" role="group" aria-label="Zoom">
            <button type="button" aria-label="Zoom out" onClick={() => zoom(1 / 1.6)}>
              −
            </button>
            <button type="button" aria-label="Zoom in" onClick={() => zoom(1.6)}>
              +
            </button>
            <button type="button" disabled={view === WHOLE} onClick={() => setView(WHOLE)}>
              All
            </button>
          </div>
        </div>
        <div className="map-box" ref={box}>
          <canvas
            ref={canvas}
            className={moving ? "moves" : ""}
            role="img"
            aria-label={`Map of ${plural(cloud.n, "image")}; the buttons of the legend select the same groups`}
            onPointerDown={down}
            onPointerMove={move}
            onPointerUp={up}
            onPointerLeave={() => setHover(undefined)}
            onWheel={(event: WheelEvent) => zoom(Math.exp(-event.deltaY / 400), place(event))}
          />
          {loop.length > 1 && (
            <svg className="map-loop" aria-hidden="true">
              <polygon points={loop.map((p) => `${p.x},${p.y}`).join(" ")} />
            </svg>
          )}
          {hover && <Hovered project={project.name} cloud={cloud} hover={hover} width={size.width} />}
        </div>
        <ul className="map-legend" aria-label={`Colours: ${BY[by]}`}>
          {groups.map(
            (group, i) =>
              group.size > 0 && (
                <li key={group.name}>
                  <button type="button" onClick={() => choose(i)} title={`Select: ${group.name}`}>
                    <i style={{ background: group.color }} />
                    {group.name} <span>{count(group.size)}</span>
                  </button>
                </li>
              ),
          )}
        </ul>
        <p className="soft">
          {plural(cloud.n, "image")}
          {cloud.total > cloud.n && `, evenly taken from ${count(cloud.total)}`}, as {cloud.model} sees them;
          the two{" "}
          <Term means="Principal components: the two directions in which the champion's embeddings differ most. The rest is not in the picture.">
            axes
          </Term>{" "}
          hold {Math.round(100 * cloud.explained)} % of what tells them apart. Draw a loop around points to
          select them.
        </p>
      </div>
      {chosen && (
        <Chosen
          key={`${ids.length}-${ids[0]}-${ids.at(-1)}`}
          project={project}
          ids={ids}
          clear={() => setChosen(undefined)}
        />
      )}
    </div>
  );
}

function Hovered({
  project,
  cloud,
  hover,
  width,
}: {
  project: string;
  cloud: Cloud;
  hover: { index: number; at: Point };
  width: number;
}) {
  const id = cloud.ids[hover.index]!;
  const [sample, setSample] = useState<Sample>();
  useEffect(() => {
    let current = true;
    // Who only passes by loads nothing.
    const waiting = setTimeout(() => {
      call<Sample[]>(`projects/${project}/samples/by-id`, { ids: [id] }).then(
        (found) => current && setSample(found[0]),
        () => {}, // the sign at the top says that nobody answers
      );
    }, 60);
    return () => {
      current = false;
      clearTimeout(waiting);
    };
  }, [project, id]);
  if (!sample) return null;
  const right = hover.at.x > width - 190;
  return (
    <div
      className="map-hover"
      style={{ left: hover.at.x + (right ? -176 : 14), top: Math.max(4, hover.at.y - 60) }}
    >
      <img src={picture(project, sample.sha256, 160)} alt="" />
      <b>{sample.label ? labelWords(sample.label) : "no label"}</b>
      <span>{sample.key}</span>
    </div>
  );
}

/** The selected images, and what can be done with them. */
function Chosen({ project, ids, clear }: { project: Project; ids: number[]; clear: () => void }) {
  const windows = useByIds(project.name, ids);
  const [said, setSaid] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const asked = ids.slice(0, MOST_ASKED);

  async function askForLabels() {
    setBusy(true);
    setProblem(undefined);
    try {
      const samples = await call<Sample[]>(`projects/${project.name}/samples/by-id`, { ids: asked });
      const done = await call<{ found: number; asked: number }>(`projects/${project.name}/labels/ask`, {
        keys: samples.map((sample) => sample.key), author: savedName(),
      });
      setSaid(
        done.asked ? `${plural(done.asked, "image")} now wait to be labelled.` : "They are asked for already.",
      );
    } catch (error) {
      setProblem(asProblem(error));
    }
    setBusy(false);
  }

  return (
    <section className="map-chosen" aria-label="Selected images">
      <div className="selection" role="toolbar" aria-label="The selected images">
        <b role="status">{plural(ids.length, "image")} selected</b>
        <button type="button" className="go" disabled={busy} onClick={() => void askForLabels()}>
          Ask for labels{ids.length > MOST_ASKED && ` of the first ${count(MOST_ASKED)}`}
        </button>
        <button type="button" onClick={clear}>
          Select none
        </button>
        {said && <span role="status">{said}</span>}
      </div>
      {problem && <Failure problem={problem} />}
      {windows.problem && <Failure problem={windows.problem} again={windows.again} />}
      <ImageGrid
        project={project.name}
        windows={windows}
        size={88}
        place={-1}
        chosen={new Map()}
        pick={() => {}}
        open={(index) => {
          const sample = windows.at(index);
          if (sample) go(["p", project.name, "data"], { q: `key:${JSON.stringify(sample.key)}` });
        }}
        setColumns={() => {}}
      />
    </section>
  );
}
