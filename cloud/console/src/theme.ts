import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

/** Petrol, for what can be pressed. Ember is kept for heat. */
const petrol: MantineColorsTuple = [
  "#e9f5f6",
  "#d3e8ea",
  "#a5d0d5",
  "#75b7be",
  "#4c9fa8",
  "#2d8a94",
  "#17747f",
  "#0e5f69",
  "#0b4d55",
  "#083b42",
];

/** Type is what the system has: nothing is fetched from elsewhere. */
const sans = '"Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, system-ui, sans-serif';
const mono = 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace';

export const theme = createTheme({
  fontFamily: sans,
  fontFamilyMonospace: mono,
  headings: { fontFamily: sans, fontWeight: "600" },
  colors: { petrol },
  primaryColor: "petrol",
  primaryShade: { light: 7, dark: 3 },
  autoContrast: true,
  defaultRadius: "md",
  cursorType: "pointer",
  focusRing: "auto",
});

/** Mantine's own surfaces take the colours that base.css names. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {
    "--mantine-color-body": "var(--paper)",
    "--mantine-color-text": "var(--ink)",
    "--mantine-color-dimmed": "var(--ink-soft)",
    "--mantine-color-default": "var(--card)",
    "--mantine-color-default-hover": "var(--hover)",
    "--mantine-color-default-color": "var(--ink)",
    "--mantine-color-default-border": "var(--edge-strong)",
    "--mantine-color-placeholder": "var(--ink-soft)",
  },
  light: {},
  dark: {},
});
