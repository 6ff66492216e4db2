#include <doctest/doctest.h>

#include <string>

#include "providers/docker/specs.h"
#include "providers/docker/stop_grace.h"
#include "reconciler/image_manifest.h"
#include "tests/scene.h"

using namespace fairlead;
using namespace fairlead::docker;
using namespace std::chrono_literals;
using fairlead::testing::graph_beside;
using fairlead::testing::spec_of;

namespace {

const std::string base = "name: blog\nimage: acme/blog:1\n";

// The main process of the folder's manifest over what the image says at this place.
ContainerSpec spec(const std::string& folder, const std::string& image,
                   const std::string& place = "/cloud_manifest.yml") {
  const ParsedFile parsed = parse_file("blog.yml", base + folder);
  REQUIRE(parsed.errors.empty());
  const ImageManifest carried = parse_image_manifest({"acme/blog:1", place, image});
  REQUIRE(carried.errors.empty());
  const ParsedApp app = parse_app(merged(parsed.documents[0], carried.document));
  REQUIRE(app.app);
  const auto graph = graph_beside({}, *app.app, {}, {});
  REQUIRE_MESSAGE(graph.ok(), graph.error().text());
  return *spec_of(graph->get(), "web");
}

}  // namespace

TEST_CASE("A24: the stop grace that an image says is a minute at most, and one fingerprint") {
  const ContainerSpec of_folder = spec("stop_grace: 24h\n", "{}");
  CHECK(of_folder.stop_grace == 24h);
  for (const char* place : {"/cloud_manifest.yml", "/cloud_manifest.json"}) {
    const ContainerSpec of_image = spec("", R"({"stop_grace": "24h"})", place);
    CHECK(of_image.stop_grace == 60s);
    CHECK(of_image.body["StopTimeout"].as_int() == 60);
    CHECK(of_image.fingerprint == of_folder.fingerprint);
  }
  CHECK(spec("", "stop_grace: 24h\n", "label fairlead.manifest").stop_grace == 60s);
  CHECK(spec("", "stop_grace: 30s\n").stop_grace == 30s);
  CHECK(spec("stop_grace: 5m\n", "stop_grace: 24h\n").stop_grace == 5min);
  CHECK(spec("", "{}").stop_grace == 10s);
}
