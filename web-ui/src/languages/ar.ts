import type { Texts } from "../state/language.svelte";
import { ar as network } from "../network/strings.ar";
import { ar as page } from "../strings.ar";
import { ar as system } from "../system/strings.ar";

export const texts: Texts = { page, network, system };
