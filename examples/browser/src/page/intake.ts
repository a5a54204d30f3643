/** The ways in: drop, choose, camera, paste, and the examples. */
import astronaut from "../../../astronaut.jpg?url";
import cat from "../../../cat.jpg?url";
import coffee from "../../../coffee.jpg?url";
import rocket from "../../../rocket.jpg?url";
import { dropped } from "./dropped.ts";
import { elements } from "./elements.ts";
import { text } from "./texts.ts";

const EXAMPLES = { cat, coffee, astronaut, rocket };

/** Hand every photograph that comes in, by whichever way, to `take`. */
export function listen(take: (files: File[]) => void, fail: (error: unknown) => void): void {
  for (const input of [elements.choose, elements.camera]) {
    input.addEventListener("change", () => {
      take([...(input.files ?? [])]);
      input.value = ""; // the same file may be chosen again
    });
  }
  document.addEventListener("paste", (event) => take([...(event.clipboardData?.files ?? [])]));
  listenForDrops(take, fail);
  for (const [name, url] of Object.entries(EXAMPLES)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text(name as keyof typeof EXAMPLES);
    button.addEventListener("click", () => {
      example(name, url).then((file) => take([file]), fail);
    });
    elements.examples.append(button);
  }
}

function listenForDrops(take: (files: File[]) => void, fail: (error: unknown) => void): void {
  const over = (on: boolean) => elements.intake.classList.toggle("over", on);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    over(true);
  });
  document.addEventListener("dragleave", () => over(false));
  document.addEventListener("drop", (event) => {
    event.preventDefault(); // or the browser leaves the page for the picture
    over(false);
    if (event.dataTransfer) dropped(event.dataTransfer).then(take, fail);
  });
}

async function example(name: string, url: string): Promise<File> {
  const response = await fetch(url);
  return new File([await response.blob()], `${name}.jpg`, { type: "image/jpeg" });
}
