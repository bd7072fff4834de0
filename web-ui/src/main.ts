import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { language } from "./state/language.svelte";
import { look } from "./state/look.svelte";
import { route } from "./state/route.svelte";
import { session } from "./state/session.svelte";

const target = document.getElementById("app");
if (target === null) throw new Error("the page has no #app");

route.start();
look.start();
session.start();
void language.start().then(() => mount(App, { target }));
