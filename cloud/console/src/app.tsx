import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useMemo, useSyncExternalStore } from "react";
import { createQueryClient } from "./api/queries.ts";
import { session } from "./api/session.ts";
import { KeyPage } from "./pages/key/key-page.tsx";
import { createConsoleRouter } from "./router.tsx";
import { cssVariables, theme } from "./theme.ts";

const subscribe = (listener: () => void) => session.subscribe(listener);

export function App() {
  const key = useSyncExternalStore(subscribe, () => session.key);
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      {key === null ? <KeyPage /> : <Console key={key} />}
    </MantineProvider>
  );
}

/** One key's view of the service: what was read with another key is not kept. */
function Console() {
  const queryClient = useMemo(() => createQueryClient(), []);
  const router = useMemo(() => createConsoleRouter(), []);
  return (
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  );
}
