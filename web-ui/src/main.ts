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
// In English where the texts of another language take long: they are put in when they come.
const patience = new Promise((resolve) => setTimeout(resolve, 3_000));
void Promise.race([language.start(), patience]).then(() => mount(App, { target }));
