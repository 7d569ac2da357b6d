import { useSyncExternalStore, type AnchorHTMLAttributes, type ReactNode } from "react";

// The server hands the page out with a relative <base>. Fixed to an absolute address once, or it
// would move with every pushState.
const baseElement = document.querySelector("base");
export const BASE = new URL(document.baseURI).pathname.replace(/[^/]*$/, "");
if (baseElement) baseElement.href = BASE;

const listeners = new Set<() => void>();
const tell = () => listeners.forEach((listener) => listener());
window.addEventListener("popstate", tell);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The address inside the page, in parts: `["p", "eyes", "cases"]`. */
export function useRoute(): string[] {
  const path = useSyncExternalStore(subscribe, () => location.pathname);
  return path.slice(BASE.length).split("/").filter(Boolean).map(decodeURIComponent);
}

export function go(parts: string[], query?: Record<string, string>): void {
  history.pushState(null, "", address(parts, query));
  window.scrollTo(0, 0);
  tell();
}

export function address(parts: string[], query?: Record<string, string>): string {
  const asked = query ? `?${new URLSearchParams(query).toString()}` : "";
  return BASE + parts.map(encodeURIComponent).join("/") + asked;
}

type LinkProps = { to: string[]; query?: Record<string, string>; children: ReactNode } & AnchorHTMLAttributes<HTMLAnchorElement>;

export function Link({ to, query, children, ...rest }: LinkProps) {
  return (
    <a
      {...rest}
      href={address(to, query)}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        go(to, query);
      }}
    >
      {children}
    </a>
  );
}
