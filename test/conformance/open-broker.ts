import { randomUUID } from "node:crypto";
import { openAdmission } from "../../gateway/open-admission.ts";
import { type House, type HouseOptions, openHouse } from "../../gateway/testing/house.ts";

/** The gateway's broker with open access, and bounds that hold what the standard lets a client send. */
export const openBroker = (options: HouseOptions = {}): Promise<House> =>
  openHouse({
    admission: openAdmission(randomUUID),
    ...options,
    limits: { bytesBeforeLogin: 262_144, ...options.limits },
  });
