#pragma once

#include <map>
#include <set>
#include <string>

#include "providers/nginx/acme.h"
#include "providers/nginx/render.h"
#include "providers/provider.h"
#include "reconciler/shared.h"

// What was seen of the edge: the files in its folder, and the generation that nginx says it serves.
// Decoded; of the app `edge` alone.
namespace fairlead::nginx {

struct SeenEdge : Section {
  Shared<std::set<std::string>> files;  // all paths below its folder but those of challenges
  Shared<std::string> listing;          // the answer that `files` are of; empty: of none
  std::string current;                  // the generation that current.conf names; empty: none
  // Of generations whose file was read: its sites. Absent: not read, or it is not there.
  std::map<std::string, Shared<Index>> generations;
  std::string live;      // the generation that nginx serves; empty: it is not known
  bool answers = false;  // whether nginx has answered just now
  bool asked = false;    // whether it was looked for; a listing does not
  bool gone = false;     // nothing runs, or it has been silent for long: it serves nobody
  Duration silent{0};    // steady; since when it has not answered
  std::string instance;  // id of the container that was asked; "host": nginx there
  // Workers of before a reload that still serve, as last counted, and after how many reloads.
  int old_workers = 0;
  int counted_at = 0;
  Version version;  // of nginx, as it last said
  AcmeSeen acme;
  // "APP.ID" → why nginx refuses that site; "certificates/ID.pem" → those that need this file.
  std::map<std::string, std::string> rejected;

  const Index& sites(const std::string& generation) const;
  // The sites that are served; null: it is not known.
  const Index* live_sites() const;
  // It answers, and what it serves is not known any more: the file is gone.
  bool lost() const;
};

// Apps whose site is not the same in both.
std::vector<std::string> changed_apps(const Index& before, const Index& after);

// Of a site that nginx refused when it was told to reload, though its test had passed: until when
// it is not tried again.
inline constexpr char not_taken[] = "not taken ";  // and "APP.ID": a counter of the edge's memory
Duration not_taken_until(const Counter& counter);

// "APP.ID", as in the name of its file.
std::string site_name(const std::string& app, const std::string& id);
std::string site_path(const std::string& app, const std::string& id);
std::string generation_path(const std::string& id);
inline constexpr char current_path[] = "current.conf";
std::string current_text(const std::string& generation);
// Empty where the text is none of ours.
std::string parse_current(const std::string& text);

}  // namespace fairlead::nginx
