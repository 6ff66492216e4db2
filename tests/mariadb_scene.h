#pragma once

#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "providers/mariadb/decode.h"
#include "providers/mariadb/diff.h"
#include "providers/mariadb/marks.h"
#include "providers/mariadb/resolve.h"
#include "reconciler/units.h"
#include "tests/mariadb_rows.h"

// What the app "blog" wants of MariaDB and the rows that the server shows, from a few terse lines.
// A line of `seen` is one of:
//   database ours|foreign [CHARSET]           account PASSWORD… [locked] [max=5] [tls] [limits]
//   grant DB ALL[-DROP…][+GRANT_OPTION…]        [expires] [global] [plugin=unix_socket]
//   guest USER HOST ALL…                      table DB TABLE Select,Grant
//   role NAME     host localhost              routine DB NAME FUNCTION,Execute
//   session ID 10.2.0.2:4711                  address 10.2.0.2 | unsettled | running | drop-data
// PASSWORD is R1, R2, … (a rotation), TOMB, or anything else: another's. Nothing is shared.
namespace fairlead::mariadb::testing {

// With the words for the hashes that they stand for.
inline std::string with_words(std::string text) {
  for (const std::string word : {"R1", "R2", "R3", "TOMB", "X"}) {
    const std::string hash = hash_of(word);
    for (std::size_t at = 0; (at = text.find(hash, at)) != text.npos; at += word.size()) {
      text.replace(at, hash.size(), word);
    }
  }
  return text;
}

struct Scene {
  std::shared_ptr<Graph> wanted;  // null: the manifest is gone
  std::shared_ptr<SeenApp> seen;
  Platform platform;
  Session session;
  Standing standing;
  bool drop_data = false;
  Json rows = Json::array();

  View view() const {
    View view;
    view.app = "blog";
    view.wanted = wanted.get();
    view.seen = seen.get();
    view.session = &session;
    view.platform = &platform;
    view.standing = standing;
    view.drop_data = drop_data;
    return view;
  }

  std::pair<Plan, Report> diff() const {
    Plan plan;
    Report report;
    wanted ? diff_app(keys(), view(), plan, report) : diff_removal(keys(), view(), plan, report);
    return {std::move(plan), std::move(report)};
  }

  std::string statements() const {
    std::string text;
    const Plan plan = diff().first;
    for (const Step& step : plan.steps()) {
      if (!step.waits()) text += std::get<SqlCall>(step.request).statement + "\n";
    }
    return with_words(text);
  }

  std::string report_text() const {
    const Report report = diff().second;
    std::string text = std::string(sync_name(report.sync)) + ", " + health_name(report.health) +
                       "\n" + (report.reason.empty() ? "" : report.reason + ": ") + report.message +
                       (report.reason.empty() ? "" : "\n");
    if (report.look_again) text += "look again in " + format_duration(*report.look_again) + "\n";
    for (const Conflict& conflict : report.conflicts) {
      text += "conflict " + conflict.resource + ": " + conflict.message + "\n";
    }
    for (const ResourceState& held : report.resources) {
      text += "resource " + held.kind + " " + held.name + ": " + held.state +
              (held.cause.empty() ? "" : " (" + held.cause + ")") + "\n";
    }
    return text;
  }
};

inline void read_line(Scene& scene, const std::string& line) {
  std::istringstream words(line);
  std::string kind, a, b, c;
  words >> kind;
  if (kind == "account") {
    scene.rows.push(row({kind, "blog", "%", "", "", account_json(words)}));
    return;
  }
  words >> a >> b >> c;
  if (kind == "database") {
    const std::string comment = a == "ours" ? database_comment(keys(), "blog", "") : "somebody's";
    scene.rows.push(row({kind, "", "", "blog", b.empty() ? "utf8mb4" : b, comment}));
  } else if (kind == "grant") {
    scene.rows.push(row({kind, "blog", "%", a, "", flags_of(b)}));
  } else if (kind == "guest") {
    scene.rows.push(row({"grant", a, b == "-" ? "" : b, "blog", "", flags_of(c)}));
  } else if (kind == "table" || kind == "routine") {
    scene.rows.push(row({kind, "blog", "%", a, b, c}));
  } else if (kind == "role") {
    scene.rows.push(row({kind, "blog", "%", a, "", ""}));
  } else if (kind == "host") {
    scene.rows.push(row({"account", "blog", a, "", "", "{}"}));
  } else if (kind == "session") {
    scene.rows.push(row({kind, "blog", b, a, "", ""}));
  } else if (kind == "address") {
    scene.standing.addresses.push_back(a);
  } else if (kind == "unsettled") {
    scene.standing.settled = false;
  } else if (kind == "running") {
    scene.standing.running = true;
  } else if (kind == "drop-data") {
    scene.drop_data = true;
  } else if (kind == "external") {
    scene.platform.database.external = true;
  } else {
    throw std::runtime_error("no such line: " + line);
  }
}

// `manifest` of the app, or empty.
inline Scene parse_scene(const std::string& manifest, const std::string& seen) {
  Scene scene;
  std::istringstream lines(seen);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) read_line(scene, line);
  }
  if (manifest.find_first_not_of(" \n") != manifest.npos) {
    ParsedManifest parsed = parse_manifest("blog.yml", manifest);
    if (!parsed.errors.empty()) throw std::runtime_error(parsed.errors.front().text());
    scene.wanted = std::make_shared<Graph>();
    scene.wanted->app = std::make_shared<App>(*parsed.apps.at(0).app);
    const std::map<std::string, Secret> secrets;
    const Result<void> resolved =
        resolve_app(keys(), {scene.wanted->app.get(), &scene.platform, &secrets}, *scene.wanted);
    if (!resolved) throw std::runtime_error(resolved.error().text());
  }
  const DatabaseSpec* spec = spec_of(scene.wanted.get());
  const auto decoded = decode_seen(keys(), scene.rows.dump(), spec ? spec->rotation : 0);
  if (!decoded) throw std::runtime_error(decoded.error().text());
  const auto found = decoded->apps.find("blog");
  scene.seen = found == decoded->apps.end() ? nullptr : found->second;
  scene.session.facts =
      Json::object({{"host", "10.2.0.9"}, {"port", 3306}, {"external", false}, {"user", "root"}});
  return scene;
}

}  // namespace fairlead::mariadb::testing
