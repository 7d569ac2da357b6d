import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { call, Problem, type Project, type Sample } from "../api/client";
import { Card, Command, Empty, Failure, Loading, savedName } from "../parts";
import { go } from "../router";
import { count, isDrawn, plural } from "../words";
import { FacetList } from "./Facets";
import { ImageGrid } from "./Grid";
import { Panel, SPLITS } from "./Panel";
import { toggled } from "./query";
import { SimilarTo, useSimilar, type Like } from "./Similar";
import { useWindows, windowsOf } from "./windows";

const MOST_LIKE = 100;
const SIZES = [88, 124, 168, 240];
const SORTS: Record<string, string> = {
  key: "By name", "-added": "Newest first", brightness: "Darkest first", "-brightness": "Brightest first",
  blur: "Most blurred first", "-contrast": "Most contrast first", entropy: "Flattest first",
  "-width": "Widest first",
};

function fromAddress(name: string): string {
  return new URLSearchParams(location.search).get(name) ?? "";
}

function likeFromAddress(): Like | undefined {
  const asked = new URLSearchParams(location.search);
  const found = asked.get("like-case");
  if (found) return { case: found };
  const keys = asked.getAll("like").slice(0, MOST_LIKE);
  return keys.length ? { keys } : undefined;
}

export function Images({ project, bring }: { project: Project; bring: () => void }) {
  const [query, setQuery] = useState(() => fromAddress("q"));
  const [typed, setTyped] = useState(query);
  const [sort, setSort] = useState(() => fromAddress("sort") || "key");
  const [size, setSize] = useState(() => (innerWidth < 600 ? 0 : 1));
  const [place, setPlace] = useState(-1);
  const [opened, setOpened] = useState(false);
  const [chosen, setChosen] = useState<ReadonlyMap<string, Sample>>(new Map());
  const [filters, setFilters] = useState(false);
  const [help, setHelp] = useState(false);
  const columns = useRef(1);
  const anchor = useRef(0);
  const box = useRef<HTMLInputElement>(null);
  const [like, setLike] = useState<Like | undefined>(likeFromAddress);
  const alike = useSimilar(project.name, like, query);
  const all = useWindows(project.name, query, sort);
  const windows = useMemo(
    () => (like ? windowsOf(alike.data?.items.map((item) => item.sample) ?? [], alike.again) : all),
    [like, alike.data, alike.again, all],
  );
  const total = windows.total;
  const focused = place >= 0 ? windows.at(place) : undefined;

  const search = useCallback((text: string) => {
    setTyped(text);
    setQuery(text.trim());
    setPlace(-1);
    setOpened(false);
    setChosen(new Map());
  }, []);

  useEffect(() => {
    const asked = new URLSearchParams();
    if (query) asked.set("q", query);
    if (sort !== "key") asked.set("sort", sort);
    if (like && "case" in like) asked.set("like-case", like.case);
    else for (const key of like?.keys ?? []) asked.append("like", key);
    const text = asked.toString();
    history.replaceState(history.state, "", location.pathname + (text ? `?${text}` : ""));
  }, [query, sort, like]);

  // What is typed is looked for when the typing rests.
  useEffect(() => {
    if (typed.trim() === query) return;
    const waiting = setTimeout(() => search(typed), 450);
    return () => clearTimeout(waiting);
  }, [typed, query, search]);

  const pick = useCallback(
    (index: number, how: "only" | "toggle" | "range") => {
      setPlace(index);
      setChosen((before) => {
        const next = new Map(how === "only" ? [] : before);
        const [from, to] = how === "range" ? [Math.min(anchor.current, index), Math.max(anchor.current, index)] : [index, index];
        for (let i = from; i <= to; i += 1) {
          const sample = windows.at(i);
          if (!sample) continue;
          if (how === "toggle" && next.delete(sample.key)) continue;
          next.set(sample.key, sample);
        }
        return next;
      });
      if (how !== "range") anchor.current = index;
    },
    [windows],
  );

  const open = useCallback((index: number) => {
    setPlace(index);
    anchor.current = index;
    setOpened(true);
  }, []);

  const step = useCallback(
    (by: number) => {
      if (!total) return;
      setPlace((now) => Math.max(0, Math.min(total - 1, now < 0 ? 0 : now + by)));
    },
    [total],
  );

  const setColumns = useCallback((n: number) => {
    columns.current = n;
  }, []);

  useEffect(() => {
    function press(event: KeyboardEvent) {
      const target = event.target as HTMLElement;
      if (target.closest("input, textarea, select, dialog")) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const onButton = target.closest("button, a");
      const key = event.key;
      const moves: Record<string, number> = {
        ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns.current, ArrowUp: -columns.current,
        PageDown: 4 * columns.current, PageUp: -4 * columns.current,
      };
      const by = moves[key];
      if (key === "/") box.current?.focus();
      else if (by !== undefined) {
        const to = Math.max(0, Math.min((total ?? 1) - 1, Math.max(0, place) + (place < 0 ? 0 : by)));
        if (event.shiftKey) pick(to, "range");
        else {
          setPlace(to);
          anchor.current = to;
        }
      } else if (key === "Home") setPlace(0);
      else if (key === "End" && total) setPlace(total - 1);
      else if (key === "Enter" && !onButton && place >= 0) setOpened(true);
      else if (key === " " && !onButton && place >= 0) pick(place, "toggle");
      else if (key === "Escape") {
        if (opened) setOpened(false);
        else setChosen(new Map());
      } else if (/^[1-9]$/.test(key) && opened && focused && !isDrawn(project)) {
        const label = project.classes[Number(key) - 1];
        if (label === undefined) return;
        void call(`projects/${project.name}/samples/label`, {
          keys: [focused.key], label, author: savedName(),
        }).then(windows.again, windows.again);
      } else if (key === "+") setSize((n) => Math.min(SIZES.length - 1, n + 1));
      else if (key === "-") setSize((n) => Math.max(0, n - 1));
      else if (key === "?") setHelp((h) => !h);
      else return;
      event.preventDefault();
    }
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [place, total, opened, focused, pick, project, windows]);

  const empty = total === 0 && !query && !like;
  return (
    <div className="data-images">
      <form
        className="data-search"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          search(typed);
        }}
      >
        <input
          ref={box}
          type="search"
          aria-label="Search for images"
          placeholder="Search: class:open brightness<40 camera:door"
          value={typed}
          onChange={(e) => setTyped(e.target.value)}
          spellCheck={false}
          autoCapitalize="none"
        />
        <button type="button" className="only-narrow" aria-expanded={filters} onClick={() => setFilters(!filters)}>
          Filters
        </button>
        <select aria-label="Order" value={sort} onChange={(e) => setSort(e.target.value)}>
          {Object.entries(SORTS).map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
        <div className="switch only-wide" role="group" aria-label="Size of the pictures">
          <button type="button" aria-label="Smaller" disabled={size === 0} onClick={() => setSize(size - 1)}>
            −
          </button>
          <button type="button" aria-label="Larger" disabled={size === SIZES.length - 1} onClick={() => setSize(size + 1)}>
            +
          </button>
        </div>
        <button type="button" className="only-wide" aria-expanded={help} onClick={() => setHelp(!help)}>
          Help <kbd>?</kbd>
        </button>
      </form>
      {help && <Help />}
      {windows.problem && <Failure problem={windows.problem} again={windows.again} />}
      {like && (
        <SimilarTo
          project={project.name}
          like={like}
          problem={alike.problem}
          again={alike.again}
          close={() => {
            setLike(undefined);
            setPlace(-1);
            setOpened(false);
          }}
        />
      )}
      {windows.notices.map((notice) => (
        <p key={notice} className="notice">
          {notice}
        </p>
      ))}
      {empty ? (
        <Card>
          <Empty title="No images yet">
            <p>Drop a folder, a zip archive or files anywhere on this page, or use the command line:</p>
            <Command>{`autofocus --project ${project.name} data import FOLDER`}</Command>
            <p>
              <button type="button" className="go" onClick={bring}>
                Choose files
              </button>
            </p>
          </Empty>
        </Card>
      ) : (
        <div className={`data-columns ${opened && focused ? "with-panel" : ""}`}>
          <div className={`data-filters ${filters ? "open" : ""}`}>
            <p className="data-total" role="status">
              {total === undefined ? (windows.problem ? "" : "Searching…") : plural(total, "image")}
              {query && (
                <>
                  {" "}
                  <button type="button" className="link" onClick={() => search("")}>
                    show all
                  </button>
                </>
              )}
            </p>
            {!windows.problem && <FacetList project={project.name} query={query} search={search} />}
          </div>
          <div className="data-main">
            {total === undefined && !windows.problem && <Loading />}
            {total === 0 && query && !like && (
              <Empty title="No image is like that">
                <p>
                  <button type="button" onClick={() => search("")}>
                    Show all images
                  </button>
                </p>
              </Empty>
            )}
            <ImageGrid
              project={project.name}
              windows={windows}
              size={SIZES[size] ?? 124}
              place={place}
              chosen={chosen}
              pick={pick}
              open={open}
              setColumns={setColumns}
            />
            {chosen.size > 0 && (
              <Selection
                project={project}
                chosen={chosen}
                done={() => {
                  setChosen(new Map());
                  windows.again();
                }}
                clear={() => setChosen(new Map())}
                similar={(keys) => {
                  setLike({ keys: keys.slice(0, MOST_LIKE) });
                  setPlace(-1);
                  setOpened(false);
                  setChosen(new Map());
                }}
              />
            )}
          </div>
          {opened && focused && (
            <Panel
              project={project}
              sample={focused}
              close={() => setOpened(false)}
              step={step}
              search={(text) => {
                setLike(undefined);
                search(text);
              }}
              similar={(key) => {
                setLike({ keys: [key] });
                setPlace(-1);
                setOpened(false);
                setChosen(new Map());
              }}
              changed={windows.again}
            />
          )}
        </div>
      )}
    </div>
  );
}

/** What can be done with the selected images; a label or split can be taken back. */
function Selection({
  project,
  chosen,
  done,
  clear,
  similar,
}: {
  project: Project;
  chosen: ReadonlyMap<string, Sample>;
  done: () => void;
  clear: () => void;
  similar: (keys: string[]) => void;
}) {
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const keys = [...chosen.keys()];

  async function change(path: string, body: object) {
    setBusy(true);
    try {
      for (let at = 0; at < keys.length; at += 1000) {
        await call(`projects/${project.name}/samples/${path}`, {
          keys: keys.slice(at, at + 1000), ...body,
        });
      }
      done();
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(String(error), "", 0));
      setBusy(false);
    }
  }

  async function ask() {
    setBusy(true);
    try {
      await call(`projects/${project.name}/labels/ask`, { keys, limit: keys.length, author: savedName() });
      go(["p", project.name, "label"]);
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(String(error), "", 0));
      setBusy(false);
    }
  }

  return (
    <div className="selection" role="toolbar" aria-label="The selected images">
      <b>{count(chosen.size)} selected</b>
      <button type="button" disabled={busy} onClick={() => void ask()}>
        Ask for labels
      </button>
      {!isDrawn(project) && (
        <select
          aria-label="Label them"
          value=""
          disabled={busy}
          onChange={(e) => void change("label", { label: e.target.value, author: savedName() })}
        >
          <option value="">Label…</option>
          {project.classes.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
      <select
        aria-label="Move them"
        value=""
        disabled={busy}
        onChange={(e) => void change("split", { split: e.target.value })}
      >
        <option value="">Move to…</option>
        {SPLITS.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <button
        type="button"
        disabled={busy}
        onClick={() => {
          if (confirm(`Take ${plural(keys.length, "image")} out of the project? Versions keep them.`)) {
            void change("delete", { author: savedName() });
          }
        }}
      >
        Take out
      </button>
      <button type="button" onClick={() => similar(keys)}>
        More like {keys.length === 1 ? "it" : "these"}
      </button>
      <button type="button" onClick={clear}>
        Select none
      </button>
      {problem && <Failure problem={problem} />}
    </div>
  );
}

function Help() {
  const rows: [string, string][] = [
    [toggled("", "class", "open"), "of that class; several with commas"],
    ["-split:test", "not in that split"],
    ["is:unlabelled", "without a label; is:labelled, is:disputed"],
    ["brightness<40", "also >, <=, >=, and 20..40; contrast, blur, entropy, width, height"],
    ["camera:door", "a metadata column and its value"],
    ["author:ann", "who labelled it; case:, source:, format:, predicted:"],
    ["day01/", "the name contains that"],
  ];
  return (
    <Card title="How to search">
      <dl className="keys">
        {rows.map(([word, means]) => (
          <div key={word}>
            <dt>
              <code>{word}</code>
            </dt>
            <dd>{means}</dd>
          </div>
        ))}
      </dl>
      <p className="soft">
        Arrows move, Enter opens, Space or Ctrl and click selects, Shift selects a range, / searches, + and
        − change the size; the number of a class labels the open image.
      </p>
    </Card>
  );
}
