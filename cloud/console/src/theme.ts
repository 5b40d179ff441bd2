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

/** The greys of the dark scheme, from ink to the deepest ground, as base.css has them. */
const night: MantineColorsTuple = [
  "#e9eceb",
  "#c3cac8",
  "#a3adab",
  "#77827f",
  "#414950",
  "#2b3034",
  "#22262a",
  "#1a1d20",
  "#121416",
  "#0d0f10",
];

/** Type is what the system has: nothing is fetched from elsewhere. */
const sans = '"Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, system-ui, sans-serif';
const mono = 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace';

export const theme = createTheme({
  fontFamily: sans,
  fontFamilyMonospace: mono,
  fontSizes: { md: "0.9375rem" },
  lineHeights: { md: "1.45" },
  headings: { fontFamily: sans, fontWeight: "600" },
  colors: { petrol, dark: night },
  primaryColor: "petrol",
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  defaultRadius: "md",
  cursorType: "pointer",
  focusRing: "auto",
  respectReducedMotion: true,
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
