import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// In development the page is served by Vite and everything under /api by a running Bandstand.
const box = process.env["BANDSTAND_URL"] ?? "http://127.0.0.1:8480";

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: "es2022",
    // Names carry a hash, so the box may serve them as immutable.
    assetsDir: "assets",
    // The page's policy allows no data: fonts, and two small files cost nothing over one connection.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": { target: box, ws: true, secure: false } } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
