#Requires -Version 5.1
# Sets the stack up in the cluster of Docker Desktop until it is Ready, and says what to open. It needs kubectl and
# docker, which Docker Desktop brings, and no Python; in WSL, on Ubuntu and for others take setup_operator.sh.
# A stack that is there already stays as it is. No parameter is needed:
#   powershell -ExecutionPolicy Bypass -File scripts\setup_operator.ps1 [-Action up|down|status] [-Build]
# Exit codes: 0 done, 1 not well or failed, 2 wrong use, 3 something is missing or does not answer.
[CmdletBinding()]
param(
    [ValidateSet('up', 'down', 'status')] [string] $Action = 'up',
    [switch] $Build,
    [int] $TimeoutSeconds = 900
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
# What is piped to a program, such as a path with an umlaut, is UTF-8 and begins without a mark.
$OutputEncoding = New-Object System.Text.UTF8Encoding $false
# ASCII only: Windows PowerShell 5.1 reads a file without a mark in the machine's own code page.

$Root = Split-Path -Parent $PSScriptRoot
$Context = 'docker-desktop'
$Namespace = 'dataalchemy'
$StackName = 'dataalchemy'
$Operator = 'dataalchemy-operator'
$Resource = 'dataalchemystacks.dataalchemy.io'
$Finalizer = 'operator.dataalchemy.io/stack'
$ConfigMap = 'dataalchemy-config'
$DegradedSeconds = 60
$ExitCode = 1

# All that ever enters the cluster's Secret; the same list as in resources/cluster_secret.py.
$Keys = @(
    'AWS_ACCESS_KEY_ID'
    'AWS_SECRET_ACCESS_KEY'
    'DATAALCHEMY_KV_PASSWORD'
    'DATAALCHEMY_POSTGRES_PASSWORD'
    'DATAALCHEMY_ALERT_WEBHOOK'
)
# PostgreSQL's data open with the password of their first day alone, so it is given once.
$GivenOnce = 'DATAALCHEMY_POSTGRES_PASSWORD'
$OperatorVariables = @(
    'SERVICE_TYPE'
    'K3D_CLUSTER'
    'DATAALCHEMY_PIPELINES_IMAGE'
    'DATAALCHEMY_MINIO_IMAGE'
    'DATAALCHEMY_CACHE_IMAGE'
    'DATAALCHEMY_POSTGRES_IMAGE'
)
$OwnImages = @{
    'operator'  = 'dataalchemy/operator:0.1.0'
    'pipelines' = 'dataalchemy/pipelines:0.1.0'
    'minio'     = 'dataalchemy/minio:2026-02-12'
}

# A line of .env as python-dotenv reads it: quotes, export, comments, CRLF, = in values.
$EnvLine = '(?m)^[^\S\r\n]*(?:export[^\S\r\n]+)?(?<key>[^=#\s]+)[^\S\r\n]*=[^\S\r\n]*' +
    '(?:''(?<single>(?:\\[\s\S]|[^''\\])*)''|"(?<double>(?:\\[\s\S]|[^"\\])*)"|(?<plain>(?!["''])[^\r\n]*?))' +
    '(?:(?<=\s)#[^\r\n]*|(?<=["''])[^\S\r\n]*#[^\r\n]*)?[^\S\r\n]*\r?$'

# Ends the script with a message and an exit code.
function Stop-Here([int] $Code, [string] $Message) {
    $script:ExitCode = $Code
    throw $Message
}

# A part of an object that may lack it; nothing then.
function Get-Part($Object, [string] $Name) {
    if ($Object -and $Object.PSObject.Properties[$Name]) { $Object.$Name }
}

function Expand-Variables([string] $Text, [hashtable] $Known) {
    [regex]::Replace($Text, '\$\{([^}:]+)(?::-([^}]*))?\}', {
        param($match)
        $name = $match.Groups[1].Value
        $found = [Environment]::GetEnvironmentVariable($name)
        if (-not $found -and $Known.ContainsKey($name)) { $found = $Known[$name] }
        if ($found) { $found } else { $match.Groups[2].Value }
    }.GetNewClosure())
}

function Expand-Escapes([string] $Text) {
    [regex]::Replace($Text, '\\([\\''"nrt])', {
        param($match)
        switch -CaseSensitive ($match.Groups[1].Value) {
            'n' { "`n" }
            'r' { "`r" }
            't' { "`t" }
            default { $_ }
        }
    })
}

function Read-EnvFile([string] $Path) {
    $known = @{}
    if (-not (Test-Path -LiteralPath $Path)) { return $known }
    $text = [System.IO.File]::ReadAllText($Path)
    foreach ($match in [regex]::Matches($text, $EnvLine)) {
        $name = $match.Groups['key'].Value
        if ($match.Groups['single'].Success) {
            $known[$name] = [regex]::Replace($match.Groups['single'].Value, '\\([\\''])', '$1')
        } elseif ($match.Groups['double'].Success) {
            $known[$name] = Expand-Variables (Expand-Escapes ($match.Groups['double'].Value)) $known
        } else {
            $known[$name] = Expand-Variables ($match.Groups['plain'].Value.Trim()) $known
        }
    }
    foreach ($key in $Keys) {
        if (-not $known.ContainsKey($key) -and $text -match "(?m)^\s*(export\s+)?$key\s*=") {
            Stop-Here 2 "A line of .env is no setting: $key. Quotes must end; nothing but a comment may follow them."
        }
    }
    $known
}

function Get-Setting([string] $Name, [hashtable] $Known) {
    $found = [Environment]::GetEnvironmentVariable($Name)
    if ($found) { return $found }
    if ($Known.ContainsKey($Name)) { $Known[$Name] } else { '' }
}

# What kubectl prints. Its input is the second argument, so that no value stands among a process's arguments. Its errors
# go to the screen by themselves: redirected, they would end Windows PowerShell 5.1.
function Invoke-Kubectl([string[]] $Words, [string] $Given) {
    if ($Given) { $said = $Given | & kubectl @Words } else { $said = & kubectl @Words }
    if ($LASTEXITCODE -ne 0) { Stop-Here 3 "kubectl $($Words[0]) did not do its work; see above." }
    ($said -join "`n").Trim()
}

function Assert-Programs {
    foreach ($name in 'kubectl', 'docker') {
        if (-not (Get-Command $name -CommandType Application -ErrorAction SilentlyContinue)) {
            Stop-Here 3 "$name is not on this machine. Install Docker Desktop and switch Kubernetes on in its settings."
        }
    }
}

function Assert-Context {
    $found = Invoke-Kubectl @('config', 'current-context')
    Write-Host "cluster: $found"
    if ($found -ne $Context) {
        Stop-Here 2 ("This is for $Context alone: kubectl config use-context $Context. For another cluster run " +
            'scripts/setup_operator.sh in WSL, which loads images there.')
    }
}

# C:\Users\ada as Docker Desktop's node has it: /run/desktop/mnt/host/c/Users/ada
function ConvertTo-MountedPath([string] $Path) {
    if ($Path -notmatch '^([A-Za-z]):[\\/](.*)$') { Stop-Here 2 "Not a folder of a drive: $Path" }
    "/run/desktop/mnt/host/$($Matches[1].ToLower())/$($Matches[2].Replace('\', '/').TrimEnd('/'))"
}

# The folder that holds data of an earlier set-up, as the node has it; '' where there is none. A path of the node, which
# can't be looked into from here, is taken at its word.
function Find-DataPath([hashtable] $Known) {
    $folder = Get-Setting 'DATAALCHEMY_DATA_PATH' $Known
    if ($folder -match '^/run/desktop/') { return $folder.TrimEnd('/') }
    if ($folder -match '^/mnt/([A-Za-z])/(.*)$') { $folder = "$($Matches[1]):/$($Matches[2])" }  # as WSL has it
    if (-not $folder) { $folder = Join-Path $Root 'data' }
    $kept = 'minio_data', 'redis_data' | Where-Object { Test-Path -LiteralPath (Join-Path $folder $_) }
    if (-not $kept) { return '' }
    foreach ($name in 'minio_data', 'redis_data', 'postgres_data') {
        New-Item -ItemType Directory -Force -Path (Join-Path $folder $name) | Out-Null
    }
    ConvertTo-MountedPath (Resolve-Path -LiteralPath $folder).ProviderPath
}

# Every stack of the cluster, one after the other: take it as @(Get-Stacks).
function Get-Stacks {
    if (-not (Invoke-Kubectl @('get', 'crd', $Resource, '--ignore-not-found', '--output=name'))) { return }
    (Invoke-Kubectl @('get', $Resource, '--all-namespaces', '--output=json') | ConvertFrom-Json).items
}

function Get-FullName($Stack) { "$($Stack.metadata.namespace)/$($Stack.metadata.name)" }

# The stack that is meant, as setup_operator.sh finds it: the one of our name, else the only one. It never guesses.
function Select-Stack([object[]] $Live) {
    if ($Live.Count -eq 0) { return }
    $meant = @($Live | Where-Object { $_.metadata.name -eq $StackName })
    if ($meant.Count -eq 0) { $meant = $Live }
    if ($meant.Count -gt 1) { $meant = @($meant | Where-Object { $_.metadata.namespace -eq $Namespace }) }
    if ($meant.Count -ne 1) {
        $names = @($Live | ForEach-Object { Get-FullName $_ }) -join ', '
        Stop-Here 2 "There are several stacks: $names. Name one by scripts/setup_operator.sh --file in WSL."
    }
    $meant[0]
}

# A first operator, beside this one, would make its servers again on the same folders.
function Remove-FirstOperator {
    $labels = '--output=jsonpath={.metadata.labels.app}/{.spec.selector.matchLabels.app}'
    $app = Invoke-Kubectl @('get', 'deployment', $Operator, '--namespace=default', '--ignore-not-found', $labels)
    if (($app -split '/') -notcontains $Operator) { return }
    Write-Host "the first operator is deleted, since two would undo each other's work; what it made stays"
    Invoke-Kubectl @(
        'delete', 'deployment', $Operator, '--namespace=default', '--cascade=foreground', '--timeout=120s'
    ) | Out-Null
}

function Build-Images([hashtable] $Known) {
    $env:DOCKER_BUILDKIT = '1'
    foreach ($target in $OwnImages.Keys) {
        $image = Get-Setting "DATAALCHEMY_$($target.ToUpper())_IMAGE" $Known
        if (-not $image) { $image = $OwnImages[$target] }
        if ($image.Contains('@')) { continue }
        if (-not $Build -and (& docker images --quiet $image)) { continue }
        Write-Host "building $image; the first time takes minutes"
        & docker build --target $target --tag $image $Root
        if ($LASTEXITCODE -ne 0) { Stop-Here 3 "The image $image could not be built; see above." }
    }
}

function Set-Credentials([string] $Place, [string] $Name, [hashtable] $Known) {
    $there = Invoke-Kubectl @('get', 'secret', $Name, "--namespace=$Place", '--ignore-not-found', '--output=json')
    $data = @{}
    if ($there) {
        $object = $there | ConvertFrom-Json
        if ($object.PSObject.Properties['data']) {
            $object.data.PSObject.Properties | ForEach-Object { $data[$_.Name] = $_.Value }
        }
    }
    $changed = @()
    foreach ($key in $Keys) {
        $value = Get-Setting $key $Known
        if (-not $value) { continue }
        $encoded = [Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes($value))
        if ($data[$key] -ceq $encoded -or ($key -eq $GivenOnce -and $data[$key])) { continue }
        $data[$key] = $encoded
        $changed += $key
    }
    if ($changed.Count -eq 0) { return $false }
    $metadata = @{ name = $Name; namespace = $Place; labels = @{ 'app.kubernetes.io/part-of' = 'dataalchemy' } }
    $verb = 'create'
    if ($there) {
        $metadata = $object.metadata
        $verb = 'replace'
    }
    $manifest = @{ apiVersion = 'v1'; kind = 'Secret'; metadata = $metadata; type = 'Opaque'; data = $data }
    Invoke-Kubectl @($verb, '--filename=-') (ConvertTo-Json $manifest -Depth 20 -Compress) | Out-Null
    Write-Host "Secret ${Name}: $($changed -join ', ')"
    $true
}

# Names the folder for a stack that names none; the rest of the ConfigMap stays.
function Set-ConfigPath([string] $Place, [string] $DataPath) {
    $get = 'get', 'configmap', $ConfigMap, "--namespace=$Place", '--ignore-not-found', '--output=json'
    $there = Invoke-Kubectl $get
    if (-not $there) {
        $metadata = @{ name = $ConfigMap; namespace = $Place }
        $made = @{ apiVersion = 'v1'; kind = 'ConfigMap'; metadata = $metadata; data = @{ dataPath = $DataPath } }
        Invoke-Kubectl @('create', '--filename=-') (ConvertTo-Json $made -Depth 5 -Compress) | Out-Null
        return
    }
    $object = $there | ConvertFrom-Json
    if (-not (Get-Part $object 'data')) {
        $object | Add-Member -NotePropertyName 'data' -NotePropertyValue (New-Object PSObject) -Force
    }
    $object.data | Add-Member -NotePropertyName 'dataPath' -NotePropertyValue $DataPath -Force
    Invoke-Kubectl @('replace', '--filename=-') (ConvertTo-Json $object -Depth 20 -Compress) | Out-Null
}

# Where a live stack's data are: what it names, or the ConfigMap; else what an earlier set-up left beside the checkout,
# which the ConfigMap then names. A stack that has claims has its data already.
function Resolve-LiveData([string] $Place, [string] $Name, [hashtable] $Known) {
    $path = Invoke-Kubectl @(
        'get', $Resource, $Name, "--namespace=$Place", '--output=jsonpath={.spec.storage.dataPath}'
    )
    if ($path) { return $path }
    $path = Invoke-Kubectl @(
        'get', 'configmap', $ConfigMap, "--namespace=$Place", '--ignore-not-found', '--output=jsonpath={.data.dataPath}'
    )
    if ($path) { return $path }
    $claims = Invoke-Kubectl @(
        'get', 'persistentvolumeclaims', "--namespace=$Place", "--selector=dataalchemy.io/stack=$Name", '--output=name'
    )
    if ($claims) { return 'where they are' }
    $path = Find-DataPath $Known
    if (-not $path) { return 'where they are' }
    Set-ConfigPath $Place $path
    "$path, which ConfigMap $ConfigMap now names"
}

function Install-Operator([string[]] $Places, [bool] $Restart, [hashtable] $Known) {
    $settings = @{}
    foreach ($name in $OperatorVariables) {
        $set = Get-Setting $name $Known
        if ($set) { $settings[$name] = $set }
    }
    $version = @(
        'get', 'configmap', $Operator, "--namespace=$Namespace", '--ignore-not-found'
        '--output=jsonpath={.metadata.resourceVersion}'
    )
    $apply = @('apply', '--server-side', '--force-conflicts', '--filename=-')
    $before = Invoke-Kubectl $version
    $ran = Invoke-Kubectl @(
        'get', 'deployment', $Operator, "--namespace=$Namespace", '--ignore-not-found', '--output=name'
    )
    $metadata = @{ name = $Operator; namespace = $Namespace }
    $config = @{ apiVersion = 'v1'; kind = 'ConfigMap'; metadata = $metadata; data = $settings }
    Invoke-Kubectl $apply (ConvertTo-Json $config -Depth 5 -Compress) | Out-Null
    $text = [System.IO.File]::ReadAllText((Join-Path $Root 'k8s\install.yaml'))
    $image = Get-Setting 'DATAALCHEMY_OPERATOR_IMAGE' $Known
    if ($image) { $text = $text.Replace($OwnImages['operator'], $image) }
    # A stack that lives elsewhere is served there: its namespace is watched, and the rights are bound in it.
    $others = @($Places | Where-Object { $_ -ne $Namespace })
    $watched = @($others | ForEach-Object { "`n`$1- --namespace=$_" }) -join ''
    $text = [regex]::Replace($text, '(?m)^( *)- --namespace=dataalchemy\r?$', "`$0$watched")
    $role = @{
        apiGroup = 'rbac.authorization.k8s.io'; kind = 'ClusterRole'; name = 'dataalchemy-operator-namespace'
    }
    $account = @{ kind = 'ServiceAccount'; name = $Operator; namespace = $Namespace }
    foreach ($place in $others) {
        $binding = @{
            apiVersion = 'rbac.authorization.k8s.io/v1'; kind = 'RoleBinding'; roleRef = $role; subjects = @($account)
            metadata = @{ name = $Operator; namespace = $place }
        }
        Invoke-Kubectl $apply (ConvertTo-Json $binding -Depth 5 -Compress) | Out-Null
    }
    Invoke-Kubectl $apply $text | Out-Null
    if ($ran -and ($Restart -or $before -ne (Invoke-Kubectl $version))) {
        Invoke-Kubectl @('rollout', 'restart', "deployment/$Operator", "--namespace=$Namespace") | Out-Null
    }
    Write-Host 'waiting for the operator'
    Invoke-Kubectl @('rollout', 'status', "deployment/$Operator", "--namespace=$Namespace", '--timeout=180s') | Out-Null
}

function New-Stack([string] $DataPath) {
    $text = [System.IO.File]::ReadAllText((Join-Path $Root 'k8s\examples\stack-instance-docker-desktop.yaml'))
    if ($DataPath) {
        Write-Host "data: $DataPath"
        $storage = "  storage:`n    mode: hostPath`n    dataPath: '$($DataPath.Replace('''', ''''''))'"
        $pattern = '(?m)^  storage:\r?\n    mode: pvc\r?\n    size: \w+\r?$'
        $text = [regex]::Replace($text, $pattern, $storage.Replace('$', '$$'))
    } else {
        Write-Host 'data: in claims of the default storage class'
    }
    Invoke-Kubectl @('apply', '--server-side', "--namespace=$Namespace", '--filename=-') $text | Out-Null
}

# Whether the status is about the spec as it is now.
function Test-Current($Stack) {
    $seen = Get-Part (Get-Part $Stack 'status') 'observedGeneration'
    ($null -ne $seen) -and ($seen -ge $Stack.metadata.generation)
}

function Test-Ready($Stack) {
    $conditions = @(Get-Part (Get-Part $Stack 'status') 'conditions')
    $ready = @($conditions | Where-Object { $_ -and $_.type -eq 'Ready' -and $_.status -eq 'True' })
    ($ready.Count -gt 0) -and (Test-Current $Stack)
}

function Get-Line($Stack) {
    $status = Get-Part $Stack 'status'
    "$(Get-Part $status 'phase'): $(Get-Part $status 'message')"
}

function Show-Addresses($Stack) {
    $endpoints = Get-Part (Get-Part $Stack 'status') 'endpoints'
    if (-not $endpoints) { return }
    foreach ($one in $endpoints.PSObject.Properties) { Write-Host ('open {0,-8} {1}' -f $one.Name, $one.Value) }
}

# What the status says after a mark of ours is of now: a Ready of before tells nothing of what is new.
function Wait-Ready([string] $Place, [string] $Name) {
    $mark = [guid]::NewGuid().ToString('N')
    $look = "dataalchemy.io/request-look=$mark"
    Invoke-Kubectl @('annotate', $Resource, $Name, $look, '--overwrite', "--namespace=$Place") | Out-Null
    $begun = Get-Date
    $degradedSince = $null
    $last = ''
    while ($true) {
        $stack = Invoke-Kubectl @('get', $Resource, $Name, "--namespace=$Place", '--output=json') | ConvertFrom-Json
        if ((Test-Current $stack) -and ((Get-Part $stack.status 'lookRequest') -eq $mark)) {
            $line = Get-Line $stack
            if ($line -ne $last) { Write-Host $line }
            $last = $line
            if (Test-Ready $stack) { return $stack }
            $phase = Get-Part $stack.status 'phase'
            if ($phase -eq 'Paused') { Stop-Here 3 'The stack is paused. Set spec.paused: false and run this again.' }
            if ($phase -ne 'Degraded') { $degradedSince = $null }
            elseif (-not $degradedSince) { $degradedSince = Get-Date }
        }
        $late = ((Get-Date) - $begun).TotalSeconds -ge $TimeoutSeconds
        if ($late -or ($degradedSince -and ((Get-Date) - $degradedSince).TotalSeconds -ge $DegradedSeconds)) {
            if (-not $last) { $last = 'The operator says nothing of it: one of before is replaced with -Build.' }
            Stop-Here 3 "The stack is not ready. $last"
        }
        Start-Sleep -Seconds 2
    }
}

function Install-Stack {
    $known = Read-EnvFile (Join-Path $Root '.env')
    Build-Images $known
    $all = @(Get-Stacks)
    $live = Select-Stack $all
    $definition = Join-Path $Root 'k8s\crd.yaml'
    Invoke-Kubectl @('apply', '--server-side', '--force-conflicts', "--filename=$definition") | Out-Null
    Invoke-Kubectl @('wait', '--for=condition=Established', "crd/$Resource", '--timeout=60s') | Out-Null
    $place, $name, $credentials = $Namespace, $StackName, 'dataalchemy-secret'
    if ($live) {
        $place, $name = $live.metadata.namespace, $live.metadata.name
        $where = Resolve-LiveData $place $name $known
        Write-Host "stack $place/$name stays as it is; data: $where"
        $get = 'get', $Resource, $name, "--namespace=$place"
        $named = Invoke-Kubectl ($get + '--output=jsonpath={.spec.credentialsSecret}')
        if ($named) { $credentials = $named }
    }
    $frame = @{ apiVersion = 'v1'; kind = 'Namespace'; metadata = @{ name = $Namespace } }
    if (-not (Invoke-Kubectl @('get', 'namespace', $Namespace, '--ignore-not-found', '--output=name'))) {
        Invoke-Kubectl @('create', '--filename=-') (ConvertTo-Json $frame -Compress) | Out-Null
    }
    $changed = Set-Credentials $place $credentials $known
    Remove-FirstOperator
    $places = @($all | ForEach-Object { $_.metadata.namespace } | Sort-Object -Unique)
    Install-Operator $places ($changed -or $Build) $known
    if (-not $live) { New-Stack (Find-DataPath $known) }
    if ($live -and $Build) {
        # An image of the same name is another one now, and only a new pod takes it.
        $chosen = "--selector=dataalchemy.io/stack=$name"
        Invoke-Kubectl @('rollout', 'restart', 'deployment,statefulset', $chosen, "--namespace=$place") | Out-Null
    }
    Show-Addresses (Wait-Ready $place $name)
}

function Test-Operator {
    $replicas = Invoke-Kubectl @(
        'get', 'deployment', $Operator, "--namespace=$Namespace", '--ignore-not-found'
        '--output=jsonpath={.status.availableReplicas}'
    )
    $replicas -match '^[1-9]'
}

# Stops what works; namespaces, Secrets, claims and volumes stay.
function Remove-Stack {
    $all = @(Get-Stacks)
    if ($all.Count -gt 1) {
        $names = @($all | ForEach-Object { Get-FullName $_ }) -join ', '
        Stop-Here 2 "The operator serves several stacks: $names. Delete those that are meant: kubectl delete das NAME"
    }
    foreach ($stack in $all) {
        $place, $name = $stack.metadata.namespace, $stack.metadata.name
        if ((Get-Part (Get-Part $stack 'spec') 'deletionPolicy') -eq 'Delete') {
            Stop-Here 2 "Stack $name takes its data with it (deletionPolicy: Delete). Set Retain, or use kubectl."
        }
        if (@(Get-Part $stack.metadata 'finalizers') -contains $Finalizer -and -not (Test-Operator)) {
            Stop-Here 3 ('The operator, without which no stack goes, is down. Run this with -Action up, or remove ' +
                "metadata.finalizers by kubectl edit das $name --namespace $place; the data stay.")
        }
        Invoke-Kubectl @('delete', $Resource, $name, "--namespace=$place", '--timeout=120s') | Out-Null
        Write-Host "stack $place/$name is gone; its claims stay"
        if ($place -ne $Namespace) {
            Invoke-Kubectl @('delete', 'rolebinding', $Operator, "--namespace=$place", '--ignore-not-found') | Out-Null
        }
    }
    $text = [System.IO.File]::ReadAllText((Join-Path $Root 'k8s\install.yaml'))
    # All but the namespace, with which the data would go.
    $objects = @([regex]::Split($text, '(?m)^---\r?$') | Where-Object { $_ -notmatch '(?m)^kind: Namespace\r?$' })
    Invoke-Kubectl @('delete', '--ignore-not-found', '--filename=-') ($objects -join "`n---`n") | Out-Null
    Invoke-Kubectl @('delete', 'configmap', $Operator, "--namespace=$Namespace", '--ignore-not-found') | Out-Null
    Write-Host 'the operator is gone; kept: the namespaces, their Secrets, claims and volumes'
}

# Whether the operator and every stack are well.
function Show-Status {
    $well = Test-Operator
    Write-Host "operator  $(if ($well) { 'available' } else { 'not available' })"
    $all = @(Get-Stacks)
    if ($all.Count -eq 0) { Write-Host 'not up: run this with -Action up' }
    foreach ($stack in $all) {
        Write-Host "$(Get-FullName $stack)  $(Get-Line $stack)"
        Show-Addresses $stack
        $well = $well -and (Test-Ready $stack)
    }
    $well -and ($all.Count -gt 0)
}

try {
    Assert-Programs
    Assert-Context
    if ($Action -eq 'up') { Install-Stack }
    if ($Action -eq 'down') { Remove-Stack }
    if ($Action -eq 'status' -and -not (Show-Status)) { exit 1 }
    exit 0
} catch {
    # The message alone: a stack trace would show the line with its arguments.
    [Console]::Error.WriteLine("error: $($_.Exception.Message)")
    exit $ExitCode
}
