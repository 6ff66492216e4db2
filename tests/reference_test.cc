#include "reconciler/reference.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

using namespace fairlead;

namespace {

// What stands between the two markers of the README.
std::string readme_section() {
  std::ostringstream text;
  text << std::ifstream(FAIRLEAD_SOURCE_DIR "/README.md").rdbuf();
  const std::string readme = text.str();
  const std::string open = "<!-- reference -->\n";
  const std::size_t start = readme.find(open);
  const std::size_t end = readme.find("<!-- /reference -->");
  REQUIRE_MESSAGE(start != std::string::npos, "README.md lacks <!-- reference -->");
  REQUIRE_MESSAGE(end != std::string::npos, "README.md lacks <!-- /reference -->");
  return readme.substr(start + open.size(), end - start - open.size());
}

}  // namespace

TEST_CASE("the README's reference is the one that the schema makes") {
  CHECK(readme_section() == manifest_reference_markdown());
}

TEST_CASE("the reference describes every map once, with its defaults") {
  const std::string text = manifest_reference_markdown();
  for (const char* heading :
       {"### Manifest\n", "#### `expose[]`\n", "#### `needs[].storage`\n", "#### `secrets.NAME`\n",
        "#### `processes.NAME`\n", "### Platform file\n", "#### `registries.NAME`\n"}) {
    CAPTURE(heading);
    const std::size_t first = text.find(heading);
    REQUIRE(first != std::string::npos);
    CHECK(text.find(heading, first + 1) == std::string::npos);
  }
  CHECK(text.find("| `port` | a whole number, 1..65535 | required | Port in the container. |\n") !=
        std::string::npos);
  CHECK(text.find("| `restart` | `always`, `on-failure` or `never` | `always` |") !=
        std::string::npos);
}
