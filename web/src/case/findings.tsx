import { useState } from "react";
import { url, type Case, type HarmHistory } from "../api/client";
import { useApi } from "../api/live";
import { HarmChart, IntervalBar } from "../charts";
import { Shown, Term } from "../parts";
import { harmSentence, percent, plural, sentence } from "../words";
import type { Diagnosis, Harm } from "./evidence";

/** What a card says before its stage came. */
export function NotYet({ stage, found }: { stage: Case["stage"]; found: Case }) {
  const words = { diagnose: "Being looked into", verdict: "Not weighed yet", train: "None yet" };
  return (
    <p className="soft">
      {found.stage === "closed"
        ? "The case ended before."
        : (words[stage as keyof typeof words] ?? "Not yet") + "."}
    </p>
  );
}

export function WhatChanged({ diagnosis }: { diagnosis: Diagnosis }) {
  const on = diagnosis.estimate_on_drifted;
  return (
    <>
      <p>
        About <strong>{percent(diagnosis.share, 0)}</strong> of the images since the change are of a
        new kind (between {percent(diagnosis.share_low, 0)} and {percent(diagnosis.share_high, 0)});{" "}
        {plural(diagnosis.drifted, "image")} of {diagnosis.images} can be named.
      </p>
      {diagnosis.differences.length > 0 && (
        <>
          <p>Compared with usual images they are:</p>
          <ul className="plain-list">
            {diagnosis.differences.map((difference) => (
              <li key={difference}>{inWords(difference)}</li>
            ))}
          </ul>
        </>
      )}
      {on && (
        <p className="soft">
          Estimated accuracy on them: {percent(on.value)}
          {on.low !== null && `, between ${percent(on.low)} and ${percent(on.high)}`}.
        </p>
      )}
    </>
  );
}

/** `Higher in contrast (+1.2 sd)` without the unit that only statisticians know. */
function inWords(difference: string): string {
  return difference.replace(/\(([+-]?)([\d.]+) sd\)/, (_, _sign: string, size: string) => {
    const n = Number(size);
    return n >= 2 ? "(very clearly)" : n >= 1 ? "(clearly)" : n >= 0.5 ? "(somewhat)" : "(slightly)";
  });
}

export function WhatHarm({
  found,
  harm,
  cost,
}: {
  found: Case;
  harm: Harm;
  cost: string | undefined;
}) {
  const asked = useApi<HarmHistory>(`projects/${found.project}/cases/${found.id}/harm`, 6);
  return (
    <Shown asked={asked}>
      {(history) => {
        const last = history.points.at(-1);
        const labels = last?.labels ?? 0;
        const wrong = last?.wrong ?? 0;
        const rate = labels ? wrong / labels : 0;
        // Boxes and masks are wrong in part: 1 - F1 of each image.
        const whole = Number.isInteger(wrong);
        return (
          <>
            {whole ? (
              <p>
                <strong>
                  {wrong} of {plural(labels, "labelled image")}
                </strong>{" "}
                {wrong === 1 ? "was" : "were"} answered wrongly: {percent(rate)}. Up to{" "}
                {percent(harm.margin)} would count as no harm.
              </p>
            ) : (
              <p>
                The answers to <strong>{plural(labels, "labelled image")}</strong> were{" "}
                {percent(rate)} wrong on average (objects missed, added or misplaced). Up to{" "}
                {percent(harm.margin)} would count as no harm.
              </p>
            )}
            <div className="bars">
              <span>Wrong on the new images</span>
              <IntervalBar value={rate} />
              <span>Limit</span>
              <IntervalBar value={harm.margin} tone="quiet" />
            </div>
            <p>
              {harmSentence(history)}{" "}
              {harm.labels_needed > 0 && `About ${plural(harm.labels_needed, "more label")} needed.`}
            </p>
            <h3>
              <Term means="Two bets, played with every label: that there is harm, and that there is none. 20 means: so much would be won in less than 1 of 20 cases if the bet were wrong.">
                Evidence after every label
              </Term>
            </h3>
            <HarmChart history={history} />
            {cost && <p className="soft">{sentence(cost)}</p>}
          </>
        );
      }}
    </Shown>
  );
}

export function Sheet({ project, id }: { project: string; id: string }) {
  const [missing, setMissing] = useState(false);
  if (missing) return <p className="soft">The images of this case are not kept any more.</p>;
  return (
    <img
      className="sheet"
      src={url(`projects/${project}/cases/${id}/drifted.png`)}
      alt="Contact sheet: drifted images beside usual ones"
      onError={() => setMissing(true)}
    />
  );
}
