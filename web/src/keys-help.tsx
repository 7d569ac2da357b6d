import { Fragment, useEffect, useRef, useState } from "react";
import {
  ACTIONS, classKey, described, GROUPS, keysOf, namesOf, PRESETS, setKey, setPreset, shownKey, useKeys,
  type ActionName, type Preset, type Scope,
} from "./keys";
import "./keys.css";

/** All keys of a labelling page; a click on one and a press gives the action another key. */
export function KeysDialog({ scope, classes, close }: { scope: Scope; classes: readonly string[]; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { preset, own } = useKeys();
  const [asking, setAsking] = useState<ActionName>();
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, []);
  useEffect(() => {
    if (!asking) return;
    function press(event: KeyboardEvent) {
      if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
      setAsking(undefined);
      const key = namesOf(event).at(-1);
      if (!key || event.key === "Escape") return setSaid("");
      if (classes.some((_, place) => classKey(place, scope) === key)) {
        return setSaid(`${shownKey(key)} is the key of a class.`);
      }
      const losers = setKey(asking!, key);
      setSaid(
        losers.length
          ? `${shownKey(key)} does this now, and no longer: ${losers.map((l) => described(l).says).join(", ")}.`
          : `${shownKey(key)}: ${described(asking!).says}.`,
      );
    }
    window.addEventListener("keydown", press, { capture: true });
    return () => window.removeEventListener("keydown", press, { capture: true });
  }, [asking, classes, scope]);

  const here = ACTIONS.filter((a) => described(a).scopes.includes(scope));
  return (
    <dialog
      ref={dialog}
      className="keys-dialog"
      aria-label="Keys"
      onClose={close}
      onCancel={(event) => asking && event.preventDefault()}
    >
      <header className="row">
        <h2>Keys</h2>
        <label className="inline">
          As in{" "}
          <select
            value={preset}
            onChange={(event) => {
              setPreset(event.target.value as Preset);
              setSaid("");
            }}
          >
            {Object.entries(PRESETS).map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {Object.keys(own).length > 0 && (
          <button type="button" className="small" onClick={() => setPreset(preset)}>
            Undo my changes
          </button>
        )}
        <button type="button" className="small" onClick={close}>
          Close
        </button>
      </header>
      <p className="soft" role="status">
        {asking ? `Press the new key for “${described(asking).says}”, or Esc.` : said || "Click a key to change it. Kept in this browser."}
      </p>
      <div className="keys-groups">
        {GROUPS.map((group) => {
          const rows = here.filter((a) => described(a).group === group);
          return (
            rows.length > 0 && (
              <section key={group}>
                <h3>{group}</h3>
                <ul>
                  {rows.map((action) => (
                    <li key={action}>
                      <span>{described(action).says}</span>
                      <button
                        type="button"
                        className="key-button"
                        aria-pressed={asking === action}
                        onClick={() => setAsking(action)}
                      >
                        <span className="visually-hidden">{described(action).says}: </span>
                        {keysOf(action).map((key, i) => (
                          <Fragment key={key}>
                            {i > 0 && " "}
                            <kbd>{shownKey(key)}</kbd>
                          </Fragment>
                        ))}
                        {keysOf(action).length === 0 && "none"}
                      </button>
                    </li>
                  ))}
                </ul>
              </section>
            )
          );
        })}
        <section>
          <h3>Classes</h3>
          <ul>
            {classes.map((name, place) => (
              <li key={name}>
                <span>{name}</span>
                <kbd>{shownKey(classKey(place, scope) ?? "–")}</kbd>
              </li>
            ))}
          </ul>
        </section>
      </div>
    </dialog>
  );
}
