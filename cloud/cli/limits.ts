/** `npm run limits`: every limit of the gateway, the variable that sets it, and what happens at it. */
import { limitsTable } from "../platform/limit-variables.ts";

process.stdout.write(`${limitsTable()}\n`);
