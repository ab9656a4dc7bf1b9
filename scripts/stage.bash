# To be sourced: names the stages of a script and says how long each took.

# stage NAME COMMAND...: runs the command, prints its time, returns its exit status.
stage() {
  local name=$1 began=$SECONDS status=0
  shift
  printf '== %s\n' "$name"
  "$@" || status=$?
  printf '== %s: %s after %d s\n' "$name" "$([ $status -eq 0 ] && echo done || echo FAILED)" $((SECONDS - began))
  return $status
}

# build_preset PRESET TARGET [CMAKE ARGUMENTS]: configures and builds. Shows ninja's progress on a terminal, otherwise
# only what went wrong.
build_preset() {
  local preset=$1 target=$2 log status=0
  shift 2
  local build=(cmake --build --preset "$preset" --target "$target" --parallel "$(nproc)")
  log=$(mktemp)
  cmake --preset "$preset" "$@" >"$log" 2>&1 || status=$?
  if [ $status -eq 0 ] && [ -t 1 ]; then
    : >"$log"
    "${build[@]}" || status=$?
  elif [ $status -eq 0 ]; then
    "${build[@]}" >"$log" 2>&1 || status=$?
  fi
  [ $status -eq 0 ] || tail -60 "$log" >&2
  rm -f "$log"
  return $status
}

# run_tests DIRECTORY [CTEST ARGUMENTS]: all tests of a build. Shows progress on a terminal, otherwise only failures and
# what was skipped. Leaves the line "N passed, N failed, N skipped" in DIRECTORY/tests.verdict. Fails when a test failed,
# or when there was none.
run_tests() {
  local directory=$1 status=0 show=--quiet
  shift
  [ -t 1 ] && show=--progress
  rm -f "$directory"/tests.{xml,log,verdict}
  ctest --test-dir "$directory" --parallel "$(nproc)" --output-on-failure --no-tests=error $show \
    --output-junit tests.xml --output-log "$directory/tests.log" "$@" || status=$?
  if [ $status -ne 0 ] && [ ! -t 1 ] && [ -f "$directory/tests.log" ]; then
    grep -v -E '^ +Start +[0-9]+: |Passed +[0-9.]+ sec|^\[[A-Z_]+\] ?$' "$directory/tests.log" | tail -300
  fi
  [ -f "$directory/tests.xml" ] || return 1
  sed -n '/The following tests did not run/,$s/^\t.* - \(.*\) (\(Skipped\|Disabled\))/skipped: \1/p' "$directory/tests.log"
  awk -F'"' '/^\t(tests|failures|disabled|skipped)="/ { sub(/^\t/, "", $1); n[$1] = $2 }
    END { skipped = n["disabled="] + n["skipped="]
          printf "%d passed, %d failed, %d skipped\n", n["tests="] - n["failures="] - skipped, n["failures="], skipped }' \
    "$directory/tests.xml" >"$directory/tests.verdict"
  return $status
}
