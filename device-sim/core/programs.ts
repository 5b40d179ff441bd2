import type { ProgramSettings } from "#protocol/content.ts";

type ProgramName = ProgramSettings["program"];

/** What an oven does with a program when nobody says otherwise. */
export const ovenPrograms: Partial<Record<ProgramName, { setpoint_c: number; duration_s: number }>> = {
  HotAir: { setpoint_c: 180, duration_s: 2_400 },
  TopBottomHeating: { setpoint_c: 200, duration_s: 2_700 },
  PizzaSetting: { setpoint_c: 250, duration_s: 900 },
  SlowCook: { setpoint_c: 115, duration_s: 14_400 },
  Grill: { setpoint_c: 240, duration_s: 1_200 },
  Steam: { setpoint_c: 100, duration_s: 1_800 },
};

/** One stretch of a dishwasher's program. Water is brought to `water_c` where it is given. */
export interface WashPhase {
  name: "prewash" | "wash" | "rinse" | "final_rinse" | "dry";
  duration_s: number;
  water_c?: number;
  /** Fresh water at the start, in litres. */
  fills_l: number;
}

export const washPrograms: Partial<Record<ProgramName, readonly WashPhase[]>> = {
  Eco50: [
    { name: "prewash", duration_s: 600, fills_l: 3 },
    { name: "wash", duration_s: 5_400, water_c: 50, fills_l: 3 },
    { name: "rinse", duration_s: 900, fills_l: 0 },
    { name: "final_rinse", duration_s: 1_500, water_c: 45, fills_l: 3.5 },
    { name: "dry", duration_s: 3_000, fills_l: 0 },
  ],
  Intensiv70: [
    { name: "prewash", duration_s: 900, water_c: 45, fills_l: 4 },
    { name: "wash", duration_s: 3_000, water_c: 70, fills_l: 4 },
    { name: "rinse", duration_s: 900, fills_l: 4 },
    { name: "final_rinse", duration_s: 1_500, water_c: 65, fills_l: 4 },
    { name: "dry", duration_s: 1_500, fills_l: 0 },
  ],
  Quick45: [
    { name: "wash", duration_s: 1_500, water_c: 45, fills_l: 4 },
    { name: "rinse", duration_s: 420, fills_l: 3 },
    { name: "final_rinse", duration_s: 600, water_c: 50, fills_l: 3 },
    { name: "dry", duration_s: 180, fills_l: 0 },
  ],
};
