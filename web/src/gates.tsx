import { sentence } from "./words";

export type Gate = { name: string; passed: boolean; reason: string };

/** Tests with their outcome and the reason in words. */
export function Gates({ gates }: { gates: Gate[] }) {
  return (
    <ul className="gates">
      {gates.map((gate) => (
        <li key={gate.name} className={gate.passed ? "passed" : "failed"}>
          <span className="mark" aria-hidden="true">
            {gate.passed ? "✓" : "✕"}
          </span>
          <span>
            <span className="visually-hidden">{gate.passed ? "Passed: " : "Failed: "}</span>
            {sentence(gate.reason)}
          </span>
        </li>
      ))}
    </ul>
  );
}
