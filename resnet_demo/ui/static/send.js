// How photos go from the browser to Python; it stands before the scripts of the components that send some.
// What they make of it: [{rel, file: {path, meta}}, ...]; `file` is inside an object of its own because Gradio
// strips everything beside it. An archive goes in pieces, the first as `file` and the rest as `more`.

const PART_FILES = 50;
const PART_BYTES = 32e6;
const JUNK = /^(\.|__MACOSX$|Thumbs\.db$|desktop\.ini$)/i;

// Entries must be asked for before the first await: the browser empties the drop afterwards.
async function walk(entry, folders, found) {
    if (folders && JUNK.test(entry.name)) return;
    if (entry.isFile) {
        const file = await new Promise((done, fail) => entry.file(done, fail));
        found.push({ rel: folders + entry.name, file });
        return;
    }
    const reader = entry.createReader();
    for (;;) {
        const some = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (!some.length) return;
        for (const inner of some) await walk(inner, `${folders}${entry.name}/`, found);
    }
}

function chosen(files) {
    return [...files]
        .map((file) => ({ rel: file.webkitRelativePath || file.name, file }))
        .filter(({ rel }) => !rel.includes("/") || !rel.split("/").some((part) => JUNK.test(part)));
}

// What was let go, with all that is in its folders. Throws where the browser cannot read it.
async function dropped(event) {
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    const found = [];
    for (const entry of entries) await walk(entry, "", found);
    return found;
}

// What may be sent of what was found: `photos`, and apart from them the `large` ones; `news` says what is left out.
function permitted(found) {
    found.sort((a, b) => a.rel.localeCompare(b.rel, undefined, { numeric: true }));
    const some = found.slice(0, props.max_photos);
    const large = some.filter((photo) => photo.file.size > props.max_bytes && !isArchive(photo));
    const news = [];
    if (found.length > some.length) news.push(["cut", { total: found.length }]);
    if (large.length) news.push(["large", { count: large.length }]);
    return { photos: some.filter((photo) => !large.includes(photo)), large, news };
}

function isArchive({ rel }) {
    return !rel.includes("/") && props.archives.some((suffix) => rel.toLowerCase().endsWith(suffix));
}

// Files as they are, and a large archive in slices, each as large as a file may be.
function pieces(photo) {
    const most = Math.min(PART_BYTES, props.max_bytes);
    if (!isArchive(photo) || photo.file.size <= most) return [photo];
    return Array.from({ length: Math.ceil(photo.file.size / most) },
        (_, index) => ({ rel: photo.rel, file: photo.file.slice(index * most, (index + 1) * most) }));
}

// Files that go together.
function parts(photos) {
    const all = [];
    let bytes = Infinity;
    for (const photo of photos) {
        const last = all[all.length - 1];
        if (bytes + photo.file.size > PART_BYTES || last.length === PART_FILES) {
            all.push([photo]);
            bytes = photo.file.size;
        } else {
            last.push(photo);
            bytes += photo.file.size;
        }
    }
    return all;
}

// A short name of ours goes over the wire, since file systems bound a name's length; the real one is `rel`.
function wireName(name, index) {
    const ending = name.match(/\.[a-z0-9]{1,5}$/i);
    return `${index}${ending ? ending[0].toLowerCase() : ""}`;
}

function post(part, progress) {
    const form = new FormData();
    part.forEach(({ rel, file }, index) => form.append("files", file, wireName(rel, index)));
    return new Promise((done, fail) => {
        const request = new XMLHttpRequest();
        request.open("POST", new URL("gradio_api/upload", document.baseURI));
        request.responseType = "json";
        request.upload.onprogress = (event) => progress(event.loaded);
        request.onload = () => (request.status === 200 ? done(request.response) : fail(request.status));
        request.onerror = () => fail(0);
        request.send(form);
    });
}

// `tell` is told how many files are there, of how many, and the share of the bytes.
async function sendAll(photos, tell) {
    const cut = photos.map(pieces);
    const all = cut.flat();
    const total = all.reduce((sum, { file }) => sum + file.size, 0) || 1;
    const sent = [];
    let before = 0;
    for (const part of parts(all)) {
        tell(sent.length, all.length, before / total);
        const paths = await post(part, (loaded) => tell(sent.length, all.length, (before + loaded) / total));
        sent.push(...paths.map((path) => ({ path, meta: { _type: "gradio.FileData" } })));
        before += part.reduce((sum, { file }) => sum + file.size, 0);
    }
    return photos.map(({ rel }, index) => {
        const [file, ...more] = sent.splice(0, cut[index].length);
        return more.length ? { rel, file, more } : { rel, file };
    });
}

function failure(status) {
    if (status === 0) return ["lost", {}];
    if (status === 413) return ["too_much", {}];
    if (status === 507) return ["not_stored", {}];
    return status === 429 ? ["later", {}] : ["refused", { status }];
}
