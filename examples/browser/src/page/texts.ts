/** What the page says, in the browser's language: English, or Korean. */
import type { ErrorCode } from "../engine/errors.ts";
import type { Note } from "../engine/photo.ts";

const ENGLISH = {
  title: "Old photographs in colour",
  privacy: "Your photographs stay on this device. This page cannot send them anywhere.",
  intake: "Black-and-white photographs",
  choose: "Choose photographs",
  camera: "Photograph a print",
  drop: "or drop them anywhere on this page, or paste one",
  examples: "No photograph at hand? Try:",
  cat: "a cat",
  coffee: "a cup of coffee",
  astronaut: "an astronaut",
  rocket: "a rocket",
  compare: "Before and after",
  before: "before",
  after: "after",
  strength: "Strength of the colours",
  model: "Model",
  keep: "Keep the colours that it has",
  zoom: "Show at 100 %",
  stage: "The photograph, before and after",
  format: "Save as",
  save: "Download",
  saveAll: "Download all (ZIP)",
  queue: "Your photographs",
  limitsTitle: "What it does not do",
  limitGuess: "The colours are a guess, not a record: it has never seen what you photographed.",
  limitRepair: "It does not repair scratches, sharpen or enlarge.",
  limitMetadata:
    "Camera data (EXIF, XMP) and resolution are kept in JPEG and PNG. A colour profile is applied and then dropped: the result is sRGB. Thumbnails and other data are dropped.",
  loadingEngine: "Loading the engine",
  loadingModel: "Loading the model",
  ready: "Ready.",
  waiting: "waiting",
  working: "colouring …",
  colored: "coloured",
  done: "{name} is coloured.",
  saving: "Writing {name} …",
  saved: "{name} is ready.",
  transparent: "{name}: a JPEG has no transparency; it is a PNG.",
  tooLargeForJpeg: "{name}: this browser cannot hold so large a JPEG; it is a PNG.",
  inColor: "It is in colour already.",
};

export type Text = keyof typeof ENGLISH;
type Words = Record<Text, string> & { error: Record<ErrorCode, string>; note: Record<Note, string> };

const WORDS: Record<"en" | "ko", Words> = {
  en: {
    ...ENGLISH,
    error: {
      notAPicture: "not a picture; choose a JPEG, PNG or WebP",
      unsupported: "this browser cannot read this format; save it as JPEG or PNG",
      empty: "the file is empty",
      unreadable: "the file cannot be read; was it moved or deleted?",
      truncated: "the file ends in the middle of the picture; copy it again",
      damaged: "the file is damaged",
      undecodable: "this browser cannot decode it: damaged, or too large for its memory",
      tooLarge: "too large ({detail}); the page takes 100 megapixels, toolkit colorize takes more",
      canvas: "too large for this browser ({detail}); try toolkit colorize",
      noModel: "There is no model on this host. In a clone: toolkit export puts one in exports/",
      network: "A file could not be loaded. Check the network and reload the page.",
      hash: "The model is not the one that was published ({detail}); it is not used.",
      contract: "The model cannot be used by this page: {detail}",
      engine: "The engine failed: {detail}",
      simd: "This browser is too old: it has no WebAssembly SIMD. Update it and come back.",
      memory: "not enough memory on this device for this photograph",
      bug: "This is a bug, please report it: {detail}",
    },
    note: {
      profileApplied: "Its colour profile is applied; the result is sRGB.",
      sixteenBits: "Its 16-bit levels become 8-bit ones here; toolkit colorize keeps them.",
      captionsDropped: "Its comments or IPTC captions are not kept; EXIF and XMP are.",
      metadataDropped: "Camera data are kept from JPEG and PNG only, so not from this file.",
    },
  },
  ko: {
    title: "옛 사진에 색을 입히기",
    privacy: "사진은 이 기기를 떠나지 않습니다. 이 페이지는 사진을 어디로도 보낼 수 없습니다.",
    intake: "흑백 사진",
    choose: "사진 고르기",
    camera: "인화 사진 찍기",
    drop: "또는 이 페이지에 끌어다 놓거나 붙여 넣으세요",
    examples: "사진이 없나요? 예시를 써 보세요:",
    cat: "고양이",
    coffee: "커피 한 잔",
    astronaut: "우주 비행사",
    rocket: "로켓",
    compare: "전과 후",
    before: "전",
    after: "후",
    strength: "색의 세기",
    model: "모델",
    keep: "원래 있는 색을 그대로 두기",
    zoom: "100 %로 보기",
    stage: "사진의 전과 후",
    format: "저장 형식",
    save: "내려받기",
    saveAll: "모두 내려받기 (ZIP)",
    queue: "내 사진",
    limitsTitle: "하지 않는 일",
    limitGuess: "색은 기록이 아니라 추측입니다. 찍힌 대상의 실제 색은 알 수 없습니다.",
    limitRepair: "흠집을 고치거나 선명하게 하거나 크게 만들지 않습니다.",
    limitMetadata:
      "JPEG와 PNG의 카메라 정보(EXIF, XMP)와 해상도는 유지됩니다. 색 프로필은 적용한 뒤 뺍니다(결과는 sRGB). 미리보기 그림과 그 밖의 정보는 빠집니다.",
    loadingEngine: "엔진을 불러오는 중",
    loadingModel: "모델을 불러오는 중",
    ready: "준비되었습니다.",
    waiting: "대기 중",
    working: "색을 입히는 중 …",
    colored: "완료",
    done: "{name}에 색을 입혔습니다.",
    saving: "{name} 만드는 중 …",
    saved: "{name} 준비되었습니다.",
    transparent: "{name}: JPEG에는 투명도가 없어 PNG로 만들었습니다.",
    tooLargeForJpeg: "{name}: 이 브라우저는 이렇게 큰 JPEG를 만들 수 없어 PNG로 만들었습니다.",
    inColor: "이미 색이 있는 사진입니다.",
    error: {
      notAPicture: "사진이 아닙니다. JPEG, PNG, WebP를 고르세요",
      unsupported: "이 브라우저가 읽지 못하는 형식입니다. JPEG나 PNG로 저장하세요",
      empty: "빈 파일입니다",
      unreadable: "파일을 읽을 수 없습니다. 옮기거나 지우지 않았나요?",
      truncated: "파일이 중간에서 끊겼습니다. 다시 복사하세요",
      damaged: "파일이 손상되었습니다",
      undecodable: "브라우저가 열지 못합니다. 손상되었거나 메모리에 비해 너무 큽니다",
      tooLarge: "너무 큽니다({detail}). 이 페이지는 1억 화소까지이며 toolkit colorize는 더 큽니다",
      canvas: "이 브라우저에는 너무 큽니다({detail}). toolkit colorize를 써 보세요",
      noModel: "이 서버에 모델이 없습니다. toolkit export로 exports/에 만드세요.",
      network: "파일을 불러오지 못했습니다. 네트워크를 확인하고 새로 고치세요.",
      hash: "공개된 모델과 다릅니다({detail}). 사용하지 않습니다.",
      contract: "이 페이지에서 쓸 수 없는 모델입니다: {detail}",
      engine: "엔진 오류: {detail}",
      simd: "브라우저가 오래되어 WebAssembly SIMD가 없습니다. 업데이트해 주세요.",
      memory: "이 사진을 처리할 메모리가 이 기기에 부족합니다",
      bug: "버그입니다. 알려 주세요: {detail}",
    },
    note: {
      profileApplied: "색 프로필을 적용했습니다. 결과는 sRGB입니다.",
      sixteenBits: "16비트 값은 여기서 8비트가 됩니다. toolkit colorize는 그대로 둡니다.",
      captionsDropped: "주석이나 IPTC 설명은 빠집니다. EXIF와 XMP는 유지됩니다.",
      metadataDropped: "카메라 정보는 JPEG와 PNG에서만 유지되므로 이 파일에서는 빠집니다.",
    },
  },
};

const language = navigator.languages.find((l) => /^(en|ko)\b/.test(l))?.slice(0, 2) ?? "en";
const words = WORDS[language as "en" | "ko"];

export function text(key: Text, name = ""): string {
  return words[key].replace("{name}", name);
}

export function errorText(code: ErrorCode, detail: string): string {
  return words.error[code].replace("{detail}", detail);
}

export function noteText(note: Note): string {
  return words.note[note];
}

/** Put the words into the elements that ask for them with `data-text`. */
export function translate(): void {
  document.documentElement.lang = language;
  document.title = words.title;
  for (const element of document.querySelectorAll<HTMLElement>("[data-text]")) {
    element.textContent = text(element.dataset.text as Text);
  }
}
