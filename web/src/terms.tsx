import { Term } from "./parts";

export function EvidenceTerm() {
  return (
    <Term means="A bet that nothing changed, played on every answer. Its winnings grow only if the images really differ; above the alarm line the chance that it is a false alarm is below the policy's limit.">
      Evidence of change
    </Term>
  );
}

export function AccuracyTerm() {
  return (
    <Term means="Computed from the model's own certainty, corrected by what labels showed. The band is where the true value lies with high probability; labels make it narrow.">
      Estimated accuracy
    </Term>
  );
}
