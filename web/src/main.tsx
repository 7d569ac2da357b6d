import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { follow } from "./api/live";
import "./styles.css";
import "./health.css";

void follow();
createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
