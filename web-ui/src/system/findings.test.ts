import { describe, expect, it } from "vitest";
import type { Finding } from "../api/types";
import { looked, sorted } from "./findings";

function finding(what: string, how: Finding["how"]): Finding {
  return { what, how, text: "", remedy: "" };
}

describe("what the box says of itself", () => {
  it("has what needs somebody first, and else the order of the box", () => {
    const told = [finding("folder", "well"), finding("clock", "warning"), finding("storage", "wrong"), finding("network", "well"), finding("workers", "wrong")];
    expect(sorted(told).map((one) => one.what)).toEqual(["storage", "workers", "clock", "folder", "network"]);
    expect(told[0]?.what).toBe("folder");
  });

  it("is in the page's words, and in the box's where the page has none", () => {
    expect(looked(finding("storage", "well"))).toBe("Storage");
    expect(looked(finding("novel", "well"))).toBe("novel");
  });
});
