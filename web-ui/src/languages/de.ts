import type { Texts } from "../state/language.svelte";
import { en as network } from "../network/strings";
import { en as page } from "../strings";
import { en as system } from "../system/strings";

export const texts: Texts = { page, network, system };
