// All tests of the page in one process, one after the other: they share a browser and the
// machine's processors, and some of them compare times.
import './script.mjs';
import './units.mjs';
import './server.mjs';
import './page.mjs';
import './address.mjs';
import './measure.mjs';
import './passes.mjs';
import './failures.mjs';
import './network.mjs';
import './cache.mjs';
import './files.mjs';
import './strangers.mjs';
import './families.mjs';
import './study.mjs';
import './ask.mjs';
import './riddle.mjs';
import './keyboard.mjs';
import './hub.mjs';
import './large.mjs';
import './many.mjs';
