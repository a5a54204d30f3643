/** The names of the two stores: large files, and the page itself (with its version). */
export const FILES = "toolkit-files";
export const SHELL = "toolkit-page-";
