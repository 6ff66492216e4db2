#pragma once

#include "providers/provider.h"

// What the apps add and what the edge serves → the steps from one generation to the next. Pure. All
// of it is in the pass of the app `edge`, so that there is one at a time, and what comes meanwhile
// is in the next one:
//
//   files that are not there  written; named by their content, so that nothing refers to them
//                             before they are whole
//   generation, not current   tested in the nginx that runs → switched to (current.conf) → reload
//   current, not live         asked for, for some seconds; reloaded again; then nginx is taken to
//                             have refused it, and current.conf names again what is live
//   refused                   half of what it changed is tried, and so on; one site that is refused
//                             alone is rejected for a while
//   live                      what is missing is written, what nothing refers to is removed
//   none that is there        somebody's hand: where nginx runs, what it serves goes on, and is put
//                             back; else it begins anew
//
// A crash between any two is finished by looking. Before nginx runs for the first time the current
// generation is one without sites, which needs no test. A site that the test names is rejected: the
// one before stays in its place, or none.
namespace fairlead::nginx {

void diff_edge(const Keys& keys, const View& view, Plan& plan, Report& report);
}  // namespace fairlead::nginx
