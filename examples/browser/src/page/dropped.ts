/** What was dropped: files, and those in folders. */
import { ToolkitError } from "../engine/errors.ts";

/**
 * The files of a drop, folder by folder, in the order of their names. What lies in a folder and is
 * hidden, or known to be no picture, is left out.
 */
export async function dropped(transfer: DataTransfer): Promise<File[]> {
  // The list is empty as soon as the event is over, so all of it is read at once.
  const all = [...transfer.items].map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const files = await Promise.all(
    all.map((one) => (isFolder(one) ? filesIn(one) : fileOf(one))),
  );
  return files.flat();
}

/** Not every browser has the types by name. */
function isFolder(one: FileSystemEntry | File | null): one is FileSystemDirectoryEntry {
  return one !== null && "isDirectory" in one && one.isDirectory;
}

async function filesIn(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const entries = (await entriesOf(folder)).filter(({ name }) => !name.startsWith("."));
  entries.sort((a, b) => a.name.localeCompare(b.name));
  const files: File[] = [];
  for (const entry of entries) {
    if (isFolder(entry)) files.push(...(await filesIn(entry)));
    else files.push(...(await fileOf(entry)).filter(({ type }) => !type || /^image\//.test(type)));
  }
  return files;
}

/** A browser tells some entries at a time, and none when it has told all. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, () => reject(new ToolkitError("unreadable")));
    });
    if (!some.length) return all;
    all.push(...some);
  }
}

async function fileOf(one: FileSystemEntry | File | null): Promise<File[]> {
  if (one === null || one instanceof File) return one ? [one] : [];
  return new Promise((resolve, reject) => {
    (one as FileSystemFileEntry).file(
      (file) => resolve([file]),
      () => reject(new ToolkitError("unreadable")),
    );
  });
}
