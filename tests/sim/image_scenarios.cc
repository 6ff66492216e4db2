#include <utility>

#include "tests/sim/scenarios.h"

// What the simulated host goes through where images carry their own manifests.
namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Files = std::map<std::string, std::string>;

const char* const path = "/cloud_manifest.yml";
const char* const served = "name: mini\nexpose: [{proto: http, port: 80}]\nhealth: {http: /up}\n";

Act set(const Files& files, Duration then = seconds(60)) {
  return {"files", [files](Host& host) { host.world().set_files(files); }, then};
}

// What was never made is not there afterwards: the act before has to have reached its end.
Act once_well(Act act) {
  const auto then = std::move(act.act);
  act.act = [then](Host& host) {
    host.run_until([&] { return host.all_well(); }, minutes(10));
    then(host);
  };
  return act;
}

std::string mini(const std::string& image, const std::string& more = "") {
  return "name: mini\nimage: " + image + "\n" + more;
}

SimImage carrying(const std::string& ref, const std::string& manifest) {
  SimImage made = image(ref);
  made.files[path] = manifest;
  return made;
}

void images(Host& host) {
  host.serving["mini"] = 1;
  host.engine().add_image(carrying("mini:1", served));
  host.engine().add_image(
      carrying("mini:2", served + std::string("env: {EDITION: two}\nprocesses: {worker: {command: "
                                              "[work]}}\n")));
  host.engine().add_image(carrying("mini:bad", "expose: [{port: 70000}]\n"));
  SimImage labelled = image("mini:label");
  labelled.labels["fairlead.manifest"] = served;
  host.engine().add_image(labelled);
}

void remove_by_hand(Host& host) {
  for (const auto& [id, container] : host.engine().containers()) {
    if (container.name.rfind("mini.web.", 0) != 0) continue;
    host.engine().docker_rm_f(std::string(container.name));
    return;
  }
}

}  // namespace

std::vector<Scenario> image_scenarios() {
  const Files other = {{"other.yml", "name: other\nimage: app:1\n"}};
  Files both = other;
  both["mini.yml"] = mini("mini:1");
  return {
      {"image: first start from a name and an image",
       images,
       {set({{"mini.yml", mini("mini:1")}})}},
      {"image: it comes from a registry",
       [](Host& host) {
         host.engine().add_to_registry({carrying("late:1", served), milliseconds(800), 0, ""});
       },
       {set({{"mini.yml", mini("late:1")}})}},
      {"image: the next one says something else",
       images,
       {set({{"mini.yml", mini("mini:1")}}), set({{"mini.yml", mini("mini:2")}}),
        set({{"mini.yml", mini("mini:2", "env: {EDITION: mine}\n")}})}},
      {"image: the next one carries none",
       images,
       {set({{"mini.yml", mini("mini:2")}}), set({{"mini.yml", mini("app:1")}})}},
      {"image: a label says it",
       images,
       {set({{"mini.yml", mini("mini:label")}}), set({{"mini.yml", mini("mini:1")}})}},
      {"image: its manifest is wrong, repaired",
       images,
       {set({{"mini.yml", mini("mini:1")}}), set({{"mini.yml", mini("mini:bad")}}),
        set({{"mini.yml", mini("mini:2")}})}},
      {"image: there and back while it is read",
       images,
       {set({{"mini.yml", mini("mini:1")}}), set({{"mini.yml", mini("mini:2")}}, milliseconds(30)),
        set({{"mini.yml", mini("mini:1")}})}},
      {"image: removed while it is pulled",
       [](Host& host) {
         host.engine().add_to_registry({carrying("mini:1", served), seconds(20), 0, ""});
       },
       {set(both, seconds(5)), set(other)}},
      {"image: the tag was moved",
       images,
       {set({{"mini.yml", mini("mini:1")}}),
        {"moved",
         [](Host& host) {
           host.serving.clear();
           host.engine().add_image(carrying("mini:1", served + std::string("env: {MOVED: a}\n")));
           remove_by_hand(host);
         },
         minutes(1)}}},
      {"services: image: needs that only the image says",
       [](Host& host) {
         host.engine().add_image(
             carrying("mini:1", served + std::string("needs: [database, messagebus]\n")));
         host.engine().add_image(carrying("mini:2", served + std::string("needs: [database]\n")));
       },
       {[] {
          Files files = service_manifests();
          files["mini.yml"] = mini("mini:1");
          return set(files, minutes(2));
        }(),
        [] {
          Files files = service_manifests();
          files["mini.yml"] = mini("mini:2");
          return once_well(set(files, minutes(2)));
        }()}},
  };
}

}  // namespace fairlead::sim
